"""The SQLite file itself: its tables, opened, locked, and brought to this version's schema."""
