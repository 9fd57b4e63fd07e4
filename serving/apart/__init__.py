"""Processes that the server has beside it."""
