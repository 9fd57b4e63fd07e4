"""Index runs that are started, followed and stopped from the page, and the library in numbers."""
