"""Commands that measure an encoder, and compare what was measured."""
