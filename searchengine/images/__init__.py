"""From the bytes of a file to an upright RGB picture and what the file says about it."""
