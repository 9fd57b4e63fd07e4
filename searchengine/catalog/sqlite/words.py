"""The plain words of each image in a full-text table (SQLite FTS5), kept with what they are from.

What goes into the table is brought to words first, as queries are: lower case, without accents,
letters apart from digits. So the table's own tokenizer finds nothing to decide, and all alphabets
are read alike; in scripts without spaces each character is a word, and a word of several a phrase.
"""

from __future__ import annotations

import os
import re
import sqlite3
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from itertools import zip_longest

import sqlalchemy as sa

from searchengine.catalog.sqlite.schema import captions, images, settings
from searchengine.types import READ

TABLE = "CREATE VIRTUAL TABLE words USING fts5(caption, text, name, tokenize = 'unicode61')"
"""`rowid` is the id of the image."""

SHADOWS = frozenset(f"words_{part}" for part in ("data", "idx", "content", "docsize", "config"))
"""The tables that FTS5 keeps it in."""

COMPLETE, READING = "words", "2"
"""The setting that says that the words of all images are in the table, and its value where they are
as `words_of` reads them now."""

FETCHED_AT_A_TIME = 1_000
"""Images whose words are written together."""

_UNSPACED = (
    r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
    r"\uf900-\ufaff\U00020000-\U0003134f"
)
"""Thai, Lao, Burmese, Khmer, Japanese and Chinese."""

_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_HASH = r"(?=[a-f]*\d+[a-f]+\d|\d*[a-f]+\d+[a-f])[0-9a-f]{8,}"
_CODE = rf"(?<![^\W_])(?:{_UUID}|{_HASH})(?![^\W_])"
"""Of such names letters are words by chance, "bed" and "face" among them: the whole is one."""

_WORD = re.compile(rf"{_CODE}|[{_UNSPACED}]|\d+|[^\W\d_{_UNSPACED}]+")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")


def words_of(text: str) -> list[str]:
    """The words of a text, in order, as they are compared."""
    if not text.isascii():
        parts = unicodedata.normalize("NFKD", text)
        text = "".join(part for part in parts if not unicodedata.combining(part))
    return [word.replace("-", "") for word in _WORD.findall(text.casefold())]


def words_of_path(path: str) -> list[str]:
    """The words of a file's name, without its suffix, and of the folders it lies in.

    Where capitals stand inside a word ("SummerTrogir") its parts follow at the end.
    """
    stem = os.path.splitext(path)[0]
    whole, parts = words_of(stem), words_of(_CAMEL.sub(" ", stem))
    return whole if whole == parts else whole + parts


def write_words(connection: sa.Connection, image_ids: Sequence[int]) -> None:
    """Bring the words of these images to what the tables say; of those that are gone, to none."""
    for start in range(0, len(image_ids), FETCHED_AT_A_TIME):
        some = list(dict.fromkeys(image_ids[start : start + FETCHED_AT_A_TIME]))
        connection.exec_driver_sql("DELETE FROM words WHERE rowid = ?", [(each,) for each in some])
        found = list(_words(connection, images.c.id.in_(some), captions.c.image_id.in_(some)))
        if found:
            connection.exec_driver_sql(
                "INSERT INTO words (rowid, caption, text, name) VALUES (?, ?, ?, ?)", found
            )


def rewrite_words(connection: sa.Connection) -> None:
    """Make the table anew, for all images."""
    connection.exec_driver_sql("DROP TABLE IF EXISTS words")
    connection.exec_driver_sql(TABLE)
    ids = connection.execute(sa.select(images.c.id).order_by(images.c.id)).scalars().all()
    write_words(connection, ids)


def faults_of_words(connection: sa.Connection) -> Iterator[str]:
    """A sentence where the table does not say what the others do, or is damaged inside."""
    query = sa.select(settings.c.value).where(settings.c.name == COMPLETE)
    if connection.execute(query).scalar_one_or_none() != READING:
        return  # the next index run fills it in
    kept = connection.exec_driver_sql("SELECT rowid, caption, text, name FROM words ORDER BY rowid")
    made = _words(connection, sa.true(), sa.true())
    if any(one is None or tuple(one) != other for one, other in zip_longest(kept, made)):
        yield "the words of images are not those of their names and captions"
    with closing(sqlite3.connect(":memory:")) as copy:  # FTS5 looks through what it may write to
        copy.execute(TABLE)
        for name in sorted(SHADOWS):
            rows = connection.exec_driver_sql(f"SELECT * FROM {name}")
            marks = ", ".join("?" for _ in rows.keys())  # noqa: SIM118 - the columns
            copy.execute(f"DELETE FROM {name}")
            copy.executemany(f"INSERT INTO {name} VALUES ({marks})", (tuple(row) for row in rows))
        try:
            copy.execute("INSERT INTO words (words) VALUES ('integrity-check')")
        except sqlite3.DatabaseError as error:
            yield f"the table of words is damaged: {error}"


def _words(
    connection: sa.Connection, which: sa.ColumnElement[bool], whose: sa.ColumnElement[bool]
) -> Iterator[tuple[int, str, str, str]]:
    """Id, words of captions, words read and words of the path, by id."""
    said: dict[int, list[tuple[str, str]]] = {}
    query = sa.select(captions.c.image_id, captions.c.source, captions.c.text).where(whose)
    for image_id, source, text in connection.execute(query.order_by(captions.c.id)):
        said.setdefault(image_id, []).append((source, text))
    paths = sa.select(images.c.id, images.c.path).where(which).order_by(images.c.id)
    for image_id, path in connection.execute(paths):
        texts = said.get(image_id, [])
        yield (
            image_id,
            _joined(text for source, text in texts if source != READ),
            _joined(text for source, text in texts if source == READ),
            " ".join(words_of_path(path)),
        )


def _joined(texts: Iterable[str]) -> str:
    return " ".join(" ".join(words_of(text)) for text in texts)
