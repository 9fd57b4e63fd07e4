"""From questions, as they stand in URLs, to what a library is asked."""
