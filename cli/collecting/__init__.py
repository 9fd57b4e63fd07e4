"""Hits as files somewhere else: copied, linked or packed, never moved and never overwriting."""
