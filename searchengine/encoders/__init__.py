"""What turns pictures and texts into unit vectors, by name."""
