"""What pictures look like: taken from them, kept row for row beside vectors, and compared."""
