"""Every fact about a library, in one SQLite file; rows never leave. The home of SQLAlchemy."""
