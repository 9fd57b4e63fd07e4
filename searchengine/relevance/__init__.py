"""How far the hits of a text stand out in a library, and so where its matches end."""
