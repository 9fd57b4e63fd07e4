"""Commands that stay: index runs that go on, and searches line by line."""
