"""How images come into a library in parts: planned as shards, and done by any engine, or by two."""
