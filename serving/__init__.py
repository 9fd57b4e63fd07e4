"""`clipseek serve`: the local page and the HTTP API. The home of Starlette."""
