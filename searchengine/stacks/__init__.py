"""Which images are copies of one picture, and which are of one moment: found, kept and folded."""
