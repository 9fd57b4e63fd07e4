"""Commands for other programs and from them."""
