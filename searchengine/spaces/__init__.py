"""A space: the part of a library that belongs to one encoder."""
