"""One search of the command line: asked and answered, saved, and one line after another."""
