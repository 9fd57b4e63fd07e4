"""Many image files through decoder and encoder, side by side."""
