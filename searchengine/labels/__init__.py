"""Names for pictures, with "none of these" as an answer."""
