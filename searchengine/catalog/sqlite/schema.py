"""The tables of the catalog. Change them only together with SCHEMA_VERSION and a migration step.

Vectors are rows of append-only files (`searchengine.vectors`). `embeddings` and
`caption_embeddings` say whose vector a row holds; a row whose image or caption is gone holds
nobody's (NULL) and is dead.
Every row of a file below the catalog's count has exactly one record here.
"""

from __future__ import annotations

import sqlalchemy as sa

SCHEMA_VERSION = 2
"""Kept in SQLite's user_version. Raise it with every change of the tables below."""

tables = sa.MetaData()

_LONG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
"""64 bits. SQLite's INTEGER has them, and only a column of that name can be its AUTOINCREMENT."""

images = sa.Table(
    "images",
    tables,
    sa.Column("id", _LONG, primary_key=True),
    sa.Column("path", sa.Text, nullable=False, unique=True),
    sa.Column("size", _LONG, nullable=False),
    sa.Column("mtime_ns", _LONG, nullable=False),
    sa.Column("content_hash", sa.LargeBinary, nullable=False, index=True),
    sa.Column("width", sa.Integer, nullable=False),
    sa.Column("height", sa.Integer, nullable=False),
    sa.Column("format", sa.Text, nullable=False),
    sa.Column("taken_at", sa.DateTime),
    sa.Column("camera", sa.Text),
    sa.Column("latitude", sa.Float),
    sa.Column("longitude", sa.Float),
    sqlite_autoincrement=True,
)

failures = sa.Table(
    "failures",
    tables,
    sa.Column("path", sa.Text, primary_key=True),
    sa.Column("size", _LONG, nullable=False),
    sa.Column("mtime_ns", _LONG, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("tried_with", sa.Text, nullable=False),
    sa.Column("failed_at", sa.DateTime, nullable=False),
)

excluded = sa.Table(
    "excluded",
    tables,
    sa.Column("path", sa.Text, primary_key=True),
    sa.Column("reason", sa.Text, nullable=False),
)

passed_over = sa.Table(
    "passed_over",
    tables,
    sa.Column("root", sa.Text, primary_key=True),
    sa.Column("suffix", sa.Text, primary_key=True),
    sa.Column("reason", sa.Text, primary_key=True),
    sa.Column("files", _LONG, nullable=False),
    sqlite_with_rowid=False,
)

settings = sa.Table(
    "settings",
    tables,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)

spaces = sa.Table(
    "spaces",
    tables,
    sa.Column("id", _LONG, primary_key=True),
    sa.Column("name", sa.Text, nullable=False, unique=True),
    sa.Column("encoder", sa.Text, nullable=False, unique=True),
    sa.Column("dim", sa.Integer, nullable=False),
    sa.Column("precision", sa.Text, nullable=False),
    sa.Column("fingerprint", sa.Text, nullable=False),
    sqlite_autoincrement=True,
)

captions = sa.Table(
    "captions",
    tables,
    sa.Column("id", _LONG, primary_key=True),
    sa.Column("image_id", sa.ForeignKey("images.id", ondelete="CASCADE"), nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.UniqueConstraint("image_id", "text"),
    sqlite_autoincrement=True,
)


def _row_table(name: str, owner: str) -> sa.Table:
    """A table that says which record of `owner` each row of a vector file belongs to."""
    return sa.Table(
        name,
        tables,
        sa.Column("space_id", sa.ForeignKey("spaces.id"), primary_key=True),
        sa.Column("row", _LONG, primary_key=True),
        sa.Column("owner_id", sa.ForeignKey(f"{owner}.id", ondelete="SET NULL")),
        sa.UniqueConstraint("owner_id", "space_id"),
        sqlite_with_rowid=False,
    )


embeddings = _row_table("embeddings", "images")
caption_embeddings = _row_table("caption_embeddings", "captions")

checksums = sa.Table(
    "checksums",
    tables,
    sa.Column("space_id", sa.ForeignKey("spaces.id"), primary_key=True),
    sa.Column("file", sa.Text, primary_key=True),
    sa.Column("block", _LONG, primary_key=True),
    sa.Column("rows", _LONG, nullable=False),
    sa.Column("crc", _LONG, nullable=False),
    sqlite_with_rowid=False,
)
