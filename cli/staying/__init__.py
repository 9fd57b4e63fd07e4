"""Commands that stay, and those that others wait for."""
