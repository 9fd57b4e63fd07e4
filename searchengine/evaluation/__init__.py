"""R@K as papers measure it, guarded against wrong protocols, and through the index."""
