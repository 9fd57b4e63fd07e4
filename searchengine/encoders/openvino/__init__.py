"""Both towers of an encoder on a CPU without torch: exported once, compiled when they are used."""
