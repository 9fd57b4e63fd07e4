"""Measures of retrieval and of a space, as functions on arrays."""
