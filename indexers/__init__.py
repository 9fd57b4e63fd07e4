"""How images come in: the walk, the plan, and the run that reads, encodes and saves."""
