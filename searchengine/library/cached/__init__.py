"""A library in parts as one of this machine: its newest snapshot, copied to a cache."""
