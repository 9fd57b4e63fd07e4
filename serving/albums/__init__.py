"""Albums and saved searches over HTTP: listed, filled, and taken away."""
