"""Exact vectors: rows on disk, read through a memory map and compared with everything."""
