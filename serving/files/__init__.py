"""The files of listed images: opened once, compared with the catalog, and sent in pieces."""
