"""`clipseek serve`: the local web page and the HTTP API. The home of Starlette and Jinja2."""
