"""The page: what it shows, decided beforehand, and its templates. The home of Jinja2 here."""
