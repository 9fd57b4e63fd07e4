"""Measurements, each run by a command in README.md."""
