"""What index runs ask of images and leave beside them: settings, what was left out, passed over."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from searchengine.catalog.filters import at_or_under
from searchengine.catalog.records import METADATA, Known, PassedOver
from searchengine.catalog.sqlite.connection import FETCHED_AT_A_TIME, Reads
from searchengine.catalog.sqlite.schema import (
    embeddings,
    excluded,
    images,
    passed_over,
    readings,
    settings,
    spaces,
)
from searchengine.catalog.sqlite.values import BadValueError
from searchengine.paths import is_at_or_below
from searchengine.types import Excluded

# Put together once, as in `rows.py`.
_SETTING = sa.select(settings.c.value).where(settings.c.name == sa.bindparam("name"))
_PATHS = sa.func.json_each(sa.bindparam("paths", type_=sa.Text)).table_valued("value")
_HAS_VECTOR = sa.exists().where(
    embeddings.c.owner_id == images.c.id,
    # "+ 0": else SQLite walks the whole space, by its key, for each image.
    embeddings.c.space_id + 0 == spaces.c.id,
    spaces.c.encoder == sa.bindparam("encoder"),
)
_KNOWN = (
    sa.select(
        images.c.path,
        images.c.id,
        images.c.size,
        images.c.mtime_ns,
        _HAS_VECTOR,
        images.c.ctime_ns,
        readings.c.state,
    )
    .join(
        readings,
        sa.and_(readings.c.image_id == images.c.id, readings.c.reader == METADATA),
        isouter=True,
    )
    .where(images.c.path.in_(sa.select(_PATHS.c.value)))
)


def read_setting(connection: sa.Connection, name: str) -> str | None:
    """The value of a setting; None where it was never set."""
    return connection.execute(_SETTING, {"name": name}).scalar_one_or_none()


def _texts(name: str, value: str | None, absent: Any) -> Any:  # noqa: ANN401 - a list or a dict
    """JSON of the kind of `absent`, of nothing but texts. Raises BadValueError."""
    if value is None:
        return absent
    kind = type(absent)
    try:
        told = json.loads(value)
        inside = told.values() if kind is dict else told
        if isinstance(told, kind) and all(isinstance(text, str) for text in inside):
            return told
    except (ValueError, AttributeError, TypeError, RecursionError):
        pass
    raise BadValueError(f"the setting {name!r} holds {value[:60]!a}")


class SurveyReads(Reads):
    """What index runs ask, and what can be asked about what they did not take."""

    def known(self, encoder: str, paths: Sequence[str]) -> dict[str, Known]:
        """The images at exactly these paths, by path; `has_vector` is about the encoder's space.

        All paths go to SQLite at once: a run asks for some thousands at a time.
        """
        asked = {"encoder": encoder, "paths": json.dumps(paths, ensure_ascii=False)}
        with self._reading() as connection:
            return {row[0]: Known(*row[1:]) for row in connection.execute(_KNOWN, asked).all()}

    def unseen(self, roots: Sequence[str], seen: Sequence[int]) -> dict[str, int]:
        """The images at or under `roots` but for those with the ids in `seen`: ids, by path.

        `seen` are such images, each once. They are counted first: nothing else is read where none
        is missing.
        """
        inside = sa.or_(sa.false(), *(at_or_under(root) for root in roots))
        with self._reading() as connection:
            number = sa.select(sa.func.count()).select_from(images).where(inside)
            if connection.execute(number).scalar_one() == len(seen):
                return {}
            known = np.sort(np.asarray(seen, dtype=np.int64))
            found: dict[str, int] = {}
            query = sa.select(images.c.path, images.c.id).where(inside)
            for part in connection.execute(query).partitions(FETCHED_AT_A_TIME):
                ids = np.array([image_id for _, image_id in part], dtype=np.int64)
                for place in np.flatnonzero(~np.isin(ids, known)).tolist():
                    path, image_id = part[place]
                    found[path] = image_id
            return found

    def setting(self, name: str) -> str | None:
        """The value of a setting; None where it was never set."""
        with self._reading() as connection:
            return read_setting(connection, name)

    def texts(self, name: str) -> list[str]:
        """A setting that is a list of texts; empty where it was never set.

        Raises LibraryDamagedError for anything else.
        """
        with self._reading() as connection:
            told: list[str] = _texts(name, read_setting(connection, name), [])
            return told

    def text_by_text(self, name: str) -> dict[str, str]:
        """A setting that maps texts to texts; empty where it was never set. Raises as `texts`."""
        with self._reading() as connection:
            told: dict[str, str] = _texts(name, read_setting(connection, name), {})
            return told

    def excluded(self) -> list[Excluded]:
        """Every picture and folder that was left out, and why, by path."""
        query = sa.select(excluded).order_by(excluded.c.path)
        with self._reading() as connection:
            return [Excluded(**row._mapping) for row in connection.execute(query)]

    def excluded_counts(self) -> list[tuple[str, int]]:
        """How many pictures and folders each rule left out, most first."""
        number = sa.func.count()
        query = sa.select(excluded.c.reason, number).group_by(excluded.c.reason)
        with self._reading() as connection:
            found = connection.execute(query.order_by(number.desc(), excluded.c.reason))
            return [(reason, count) for reason, count in found]

    def passed_over(self) -> list[PassedOver]:
        """Files that were no pictures to this program, counted; most first."""
        query = sa.select(passed_over).order_by(passed_over.c.files.desc(), passed_over.c.suffix)
        with self._reading() as connection:
            return [PassedOver(**row._mapping) for row in connection.execute(query)]


def set_setting(connection: sa.Connection, name: str, value: str) -> None:
    """Keep the value of a setting."""
    insert = sqlite.insert(settings).values(name=name, value=value)
    connection.execute(
        insert.on_conflict_do_update(index_elements=[settings.c.name], set_={"value": value})
    )


def record_survey(
    connection: sa.Connection,
    roots: Sequence[str],
    left_out: Sequence[Excluded],
    passed: Sequence[PassedOver],
) -> None:
    """Put what a walk of `roots` left out and passed over in place of what was recorded there.

    Counts of a root below another root that was counted are in that one's, and are not kept.
    """
    forget_survey(connection, roots)
    counted = set(connection.execute(sa.select(passed_over.c.root)).scalars()) | set(roots)
    kept = [
        entry
        for entry in passed
        if not any(root != entry.root and is_at_or_below(entry.root, root) for root in counted)
    ]
    for table, values in (
        (excluded, [{"path": entry.path, "reason": entry.reason} for entry in left_out]),
        (
            passed_over,
            [
                {name: getattr(entry, name) for name in ("root", "suffix", "reason", "files")}
                for entry in kept
            ],
        ),
    ):
        if values:
            connection.execute(sqlite.insert(table).on_conflict_do_nothing(), values)


def forget_survey(connection: sa.Connection, places: Sequence[str]) -> None:
    """Drop what was left out and passed over at and under `places`."""
    for place in places:
        connection.execute(sa.delete(excluded).where(at_or_under(place, excluded.c.path)))
        connection.execute(sa.delete(passed_over).where(at_or_under(place, passed_over.c.root)))
