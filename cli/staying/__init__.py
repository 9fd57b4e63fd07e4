"""Commands that stay: index runs that go on."""
