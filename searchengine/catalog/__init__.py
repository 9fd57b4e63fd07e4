"""Every fact about a library, in one SQLite file. The home of SQLAlchemy."""
