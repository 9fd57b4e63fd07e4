"""The HTML files that commands write: the gallery of hits, and the report of an evaluation."""
