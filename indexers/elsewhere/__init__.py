"""How images come in that another program encoded: its vectors, held against our own first."""
