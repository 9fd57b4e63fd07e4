"""The tables of the catalog. Change them only together with SCHEMA_VERSION and a migration step.

Vectors are rows of append-only files (`searchengine.vectors`). `embeddings` and
`caption_embeddings` say whose vector a row holds; a row whose image or caption is gone holds
nobody's (NULL) and is dead.
Every row of a file below the catalog's count has exactly one record here.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from searchengine.catalog.sqlite.values import Checked, name, text
from searchengine.types import PLACE

SCHEMA_VERSION = 7
"""Kept in SQLite's user_version. Raise it with every change of the tables below."""

tables = sa.MetaData()

_LONG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
"""64 bits. SQLite's INTEGER has them, and only a column of that name can be its AUTOINCREMENT."""

MAX_DIM = 65_536
"""Numbers of a vector, at most: several times those of the largest encoder there is."""

images = sa.Table(
    "images",
    tables,
    sa.Column("id", _LONG, primary_key=True),
    sa.Column("path", name("images.path"), nullable=False, unique=True),
    sa.Column("size", Checked(_LONG, "images.size", int, least=0), nullable=False),
    sa.Column("mtime_ns", Checked(_LONG, "images.mtime_ns", int), nullable=False),
    sa.Column(
        "content_hash",
        Checked(sa.LargeBinary(), "images.content_hash", bytes),
        nullable=False,
        index=True,
    ),
    sa.Column("width", Checked(sa.Integer(), "images.width", int, least=1), nullable=False),
    sa.Column("height", Checked(sa.Integer(), "images.height", int, least=1), nullable=False),
    sa.Column("format", text("images.format"), nullable=False),
    sa.Column("taken_at", Checked(sa.DateTime(), "images.taken_at", str, nullable=True)),
    sa.Column("camera", text("images.camera", nullable=True)),
    sa.Column("latitude", Checked(sa.Float(), "images.latitude", float, nullable=True)),
    sa.Column("longitude", Checked(sa.Float(), "images.longitude", float, nullable=True)),
    sa.Column("ctime_ns", Checked(_LONG, "images.ctime_ns", int, nullable=True)),
    sa.Column("taken_from", text("images.taken_from", nullable=True)),
    sqlite_autoincrement=True,
)
is_located = images.c.latitude.is_not(None)
sa.Index("ix_images_latitude", images.c.latitude, sqlite_where=is_located)

failures = sa.Table(
    "failures",
    tables,
    sa.Column("path", name("failures.path"), primary_key=True),
    sa.Column("size", Checked(_LONG, "failures.size", int), nullable=False),
    sa.Column("mtime_ns", Checked(_LONG, "failures.mtime_ns", int), nullable=False),
    sa.Column("reason", text("failures.reason"), nullable=False),
    sa.Column("kind", text("failures.kind"), nullable=False),
    sa.Column("tried_with", text("failures.tried_with"), nullable=False),
    sa.Column("failed_at", Checked(sa.DateTime(), "failures.failed_at", str), nullable=False),
    sa.Column("ctime_ns", Checked(_LONG, "failures.ctime_ns", int, nullable=True)),
)

excluded = sa.Table(
    "excluded",
    tables,
    sa.Column("path", name("excluded.path"), primary_key=True),
    sa.Column("reason", text("excluded.reason"), nullable=False),
)

passed_over = sa.Table(
    "passed_over",
    tables,
    sa.Column("root", name("passed_over.root"), primary_key=True),
    sa.Column("suffix", text("passed_over.suffix"), primary_key=True),
    sa.Column("reason", text("passed_over.reason"), primary_key=True),
    sa.Column("files", Checked(_LONG, "passed_over.files", int, least=0), nullable=False),
    sqlite_with_rowid=False,
)

settings = sa.Table(
    "settings",
    tables,
    sa.Column("name", text("settings.name"), primary_key=True),
    sa.Column("value", text("settings.value"), nullable=False),
)

spaces = sa.Table(
    "spaces",
    tables,
    sa.Column("id", _LONG, primary_key=True),
    sa.Column("name", name("spaces.name"), nullable=False, unique=True),
    sa.Column("encoder", name("spaces.encoder"), nullable=False, unique=True),
    sa.Column(
        "dim", Checked(sa.Integer(), "spaces.dim", int, least=1, most=MAX_DIM), nullable=False
    ),
    sa.Column("precision", text("spaces.precision"), nullable=False),
    sa.Column("fingerprint", text("spaces.fingerprint"), nullable=False),
    sqlite_autoincrement=True,
)

captions = sa.Table(
    "captions",
    tables,
    sa.Column("id", _LONG, primary_key=True),
    sa.Column("image_id", sa.ForeignKey("images.id", ondelete="CASCADE"), nullable=False),
    sa.Column("text", text("captions.text"), nullable=False),
    sa.Column("source", text("captions.source"), nullable=False),
    sa.UniqueConstraint("image_id", "source", "text"),
    sqlite_autoincrement=True,
)
is_place = captions.c.source == sa.literal_column(f"'{PLACE}'")
"""Written out: with a parameter in its place SQLite would not know that the index serves."""
sa.Index("ix_captions_place", captions.c.text, captions.c.image_id, sqlite_where=is_place)

readings = sa.Table(
    "readings",
    tables,
    sa.Column("image_id", sa.ForeignKey("images.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("reader", text("readings.reader"), primary_key=True),
    # NULL is that of an image that was not read.
    sa.Column("state", text("readings.state", nullable=True), nullable=False),
    sa.Column("failure", text("readings.failure", nullable=True)),
    sqlite_with_rowid=False,
)
"""What was read of an image beside its vector, by whom, and what that depended on."""


def _row_table(table: str, owner: str) -> sa.Table:
    """A table that says which record of `owner` each row of a vector file belongs to."""
    return sa.Table(
        table,
        tables,
        sa.Column("space_id", sa.ForeignKey("spaces.id"), primary_key=True),
        # NULL is the highest row of none.
        sa.Column(
            "row",
            Checked(_LONG, f"{table}.row", int, nullable=True, least=0),
            primary_key=True,
            nullable=False,
        ),
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

label_sets = sa.Table(
    "label_sets",
    tables,
    sa.Column("id", _LONG, primary_key=True),
    sa.Column("name", name("label_sets.name"), nullable=False, unique=True),
    sa.Column("definition", text("label_sets.definition"), nullable=False),
    sa.Column("space_id", sa.ForeignKey("spaces.id", ondelete="SET NULL")),
    sa.Column("rows", Checked(_LONG, "label_sets.rows", int, least=0), nullable=False),
    sqlite_autoincrement=True,
)


def _name_table(table: str, value: sa.Column[Any]) -> sa.Table:
    """A table with a value for an image, a label set and a name."""
    return sa.Table(
        table,
        tables,
        sa.Column("image_id", sa.ForeignKey("images.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("set_id", sa.ForeignKey("label_sets.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("name", text(f"{table}.name"), primary_key=True),
        value,
        sqlite_with_rowid=False,
    )


labels = _name_table(
    "labels",
    sa.Column("probability", Checked(sa.Float(), "labels.probability", float), nullable=False),
)
sa.Index("ix_labels_name", sa.func.lower(labels.c.name))
label_examples = _name_table(
    "label_examples",
    sa.Column(
        "is_right",
        Checked(sa.Integer(), "label_examples.is_right", int, least=0, most=1),
        nullable=False,
    ),
)

albums = sa.Table(
    "albums",
    tables,
    sa.Column("id", _LONG, primary_key=True),
    sa.Column("name", name("albums.name"), nullable=False, unique=True),
    # NULL: its images are picked by hand.
    sa.Column("question", text("albums.question", nullable=True)),
    sqlite_autoincrement=True,
)

album_images = sa.Table(
    "album_images",
    tables,
    sa.Column("album_id", sa.ForeignKey("albums.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("image_id", sa.ForeignKey("images.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("position", Checked(_LONG, "album_images.position", int, least=0), nullable=False),
    sqlite_with_rowid=False,
)
sa.Index("ix_album_images_image_id", album_images.c.image_id)

kept_out = sa.Table(
    "kept_out",
    tables,
    sa.Column("path", name("kept_out.path"), primary_key=True),
    sqlite_with_rowid=False,
)
"""Pictures, and folders with all that is in them, that index runs leave out for good."""
