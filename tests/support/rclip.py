"""A database as rclip makes it: its own statements (rclip 3.3, db.py), filled for tests."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np

CREATED = """
CREATE TABLE images (
  id INTEGER PRIMARY KEY,
  deleted BOOLEAN,
  filepath TEXT NOT NULL UNIQUE,
  modified_at DATETIME NOT NULL,
  size INTEGER NOT NULL,
  vector BLOB NOT NULL
);
CREATE UNIQUE INDEX existing_images ON images(filepath) WHERE deleted IS NULL;
CREATE TABLE db_version (version INTEGER);
ALTER TABLE images ADD COLUMN indexing BOOLEAN;
ALTER TABLE images ADD COLUMN hash TEXT;
CREATE INDEX hash_index ON images(hash) WHERE deleted IS NULL;
"""


def make_database(path: Path, version: int = 4) -> Path:
    """An empty one."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(CREATED)
        connection.execute("INSERT INTO db_version(version) VALUES (?)", (version,))
        connection.commit()
    return path


def list_picture(database: Path, picture: Path, row: np.ndarray, **other: object) -> None:
    """Put a picture in, as it lies there; `other` values of columns go before its own."""
    facts = picture.stat()
    values = {
        "deleted": None,
        "filepath": str(picture),
        "modified_at": facts.st_mtime,
        "size": facts.st_size,
        "vector": row.astype(np.float32).tobytes(),
        "hash": "0",
        **other,
    }
    with closing(sqlite3.connect(database)) as connection:
        columns = ", ".join(values)
        places = ", ".join(f":{name}" for name in values)
        connection.execute(f"INSERT INTO images({columns}) VALUES ({places})", values)
        connection.commit()
