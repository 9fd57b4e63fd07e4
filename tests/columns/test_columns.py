"""Columns answer as SQL does, whatever is written, and never where they are of another state."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from searchengine import Filter, Library, open_library
from searchengine.catalog.labels.given import Labelled
from searchengine.catalog.records import Batch, Freed, Reading
from searchengine.catalog.rows import RowReads
from searchengine.columns import layout, passing, reading, writing
from searchengine.columns.head import HEAD, read_head
from searchengine.geography import Near
from searchengine.library.writing import Writer
from searchengine.spaces import following
from searchengine.spaces.following import fault_of_columns, refresh_columns
from searchengine.types import FileState, ImageEntry, ImageFacts, Orientation, Written

QUICK = [Phase.explicit, Phase.reuse, Phase.generate]
"""Without making a failing case small, which takes minutes."""
EXAMPLES = int(os.environ.get("CLIPSEEK_COLUMNS", "8"))
FOLDERS = ["/", "/a/", "/a/b/", "/a/b.c/", "/ab/", "/ä/é/", "/a/b/c.jpg/", "s3://bucket/x/"]
CAMERAS = [None, "Canon EOS 5D", "canon eos 5d mark ii", "ÄGFA Öptima", "100% _", ""]
LABELS = ["red", "RED", "Blaü", '"re\\0']
TIMES = [
    None,
    datetime(1, 1, 1),
    datetime(1969, 12, 31, 23, 59, 59, 999_999),
    datetime(2020, 6, 1, 12),
    datetime(2020, 6, 1, 12, 0, 0, 1),
    datetime(9999, 12, 31, 23, 59, 59, 999_999),
]
MODIFIED = [-(2**63) + 1, -1, 0, 1_591_005_600 * 10**9, 2**63 - 1]

files = st.builds(
    FileState,
    st.builds(str.__add__, st.sampled_from(FOLDERS), st.sampled_from(["c.jpg", "é", "x\ny", "b"])),
    st.just(1),
    st.sampled_from(MODIFIED) | st.integers(-(2**62), 2**62),
)
facts = st.builds(
    ImageFacts,
    st.integers(1, 3),
    st.integers(1, 3),
    st.just("JPEG"),
    st.sampled_from(TIMES) | st.datetimes(),
    st.sampled_from(CAMERAS)
    | st.text(st.characters(exclude_categories=["Cs"], min_codepoint=1), max_size=5),
    st.sampled_from([0.5, 50.0]),
    st.sampled_from([0.5, 50.0]),
)
filters = st.builds(
    Filter,
    under=st.none()
    | st.sampled_from([*FOLDERS, "/a/c.jpg", "/none", "/a/b/c.jpg"]).map(
        lambda name: Path(name.rstrip("/") or "/")
    ),
    after=st.none() | st.sampled_from(TIMES) | st.datetimes(),
    before=st.none() | st.sampled_from(TIMES) | st.datetimes(),
    camera=st.none() | st.sampled_from(["eos 5D", "ä", "Ä", "%", "_", "", "g", "\\"]),
    orientation=st.none() | st.sampled_from(Orientation),
    dated=st.none() | st.booleans(),
    label=st.none() | st.sampled_from(["Red", "re", "none", *LABELS]),
    near=st.none() | st.just(Near(50.0, 50.0)),
)
Image = tuple[FileState, ImageFacts]
images = st.tuples(files, facts)
steps = st.lists(
    st.tuples(
        st.sampled_from(["add", "change", "move", "remove", "label", "read", "respell", "free"]),
        st.lists(images, min_size=1, max_size=8),
        st.integers(0, 2**32),
    ),
    max_size=6,
)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Columns of any size, in blocks that a few rows fill."""
    monkeypatch.setattr(following, "LEAST_ROWS", 0)


@contextmanager
def empty_library() -> Iterator[Library]:
    place = Path(tempfile.mkdtemp())
    try:
        with open_library(place / "library", create=True) as library:
            for name in ("one", "two"):
                library.catalog.add_space(
                    name=name, encoder=name, dim=2, precision="float32", fingerprint=name
                )
                library.space(name).directory.mkdir(parents=True)
            yield library
    finally:
        shutil.rmtree(place)


def commit(library: Library, writer: Writer, added: list[ImageEntry], name: str) -> None:
    if not added:
        return
    rows = np.tile(np.array([[1.0, 0.0]], dtype=np.float32), (len(added), 1))
    writer.commit(library.space(name), Batch(added=added), rows)


def write(library: Library, step: str, images: list[Image], seed: int) -> None:
    """One write of a kind, to images that are chosen by the seed."""
    chance = np.random.default_rng(seed)
    given = {file.path: (file, each) for file, each in images}
    listed = [*library.catalog.images(range(300))]
    some = chance.choice(listed, min(3, len(listed)), replace=False).tolist() if listed else []
    with library.writing() as writer:
        WRITES[step](library, writer, given, some)


Given = dict[str, Image]


def _add(library: Library, writer: Writer, given: Given, some: list[int]) -> None:
    there = library.catalog.ids_by_path([*given])
    new = [ImageEntry(*_with_hash(given[path])) for path in given if path not in there]
    commit(library, writer, new, "two" if len(some) == 2 else "one")


def _with_hash(image: Image) -> tuple[FileState, bytes, ImageFacts]:
    return image[0], image[0].path.encode(), image[1]


def _change(library: Library, writer: Writer, given: Given, some: list[int]) -> None:
    there = library.catalog.ids_by_path([*given])
    known = [
        ImageEntry(given[path][0], b"changed", given[path][1], image_id)
        for path, image_id in there.items()
    ]
    commit(library, writer, known, "two" if len(some) == 2 else "one")


def _renamed(library: Library, given: Given, some: list[int]) -> list[tuple[int, FileState]]:
    there = library.catalog.ids_by_path([*given])
    new = [file for path, (file, _) in given.items() if path not in there]
    return list(zip(some, new, strict=False))


def _move(library: Library, writer: Writer, given: Given, some: list[int]) -> None:
    writer.commit(None, Batch(moved=_renamed(library, given, some)))


def _respell(library: Library, _: Writer, given: Given, some: list[int]) -> None:
    renamed = [(image_id, file.path) for image_id, file in _renamed(library, given, some)]
    library.catalog.respell("/none", renamed, [])


def _remove(_: Library, writer: Writer, _given: Given, some: list[int]) -> None:
    writer.commit(None, Batch(removed=some))


def _label(library: Library, _: Writer, _given: Given, some: list[int]) -> None:
    if not library.catalog.label_sets():
        library.catalog.put_label_set("colours", "{}")
    [labels] = library.catalog.label_sets()
    found = [Labelled(i, LABELS[(i + n) % 4], 0.5) for i in some for n in range(i % 3)]
    library.catalog.record_labels(labels.id, library.space("one").info, 0, some, found)


def _read(_: Library, writer: Writer, given: Given, _some: list[int]) -> None:
    read = [
        Reading(path, "state", Written((), each.taken_at, "xmp"))
        for path, (_, each) in given.items()
    ]
    writer.commit(None, Batch(read=read))


def _free(library: Library, _: Writer, _given: Given, some: list[int]) -> None:
    info = library.space("one").info
    rows = [*library.catalog.rows_of(info, some).values()]
    library.catalog.record(info, Batch(), freed=Freed("vectors.f16", rows, []))


WRITES = {
    "add": _add,
    "change": _change,
    "move": _move,
    "remove": _remove,
    "label": _label,
    "read": _read,
    "respell": _respell,
    "free": _free,
}


@contextmanager
def sql_spied() -> Iterator[list[Filter | None]]:
    """The filters that the catalog is asked meanwhile; None for which rows are dead."""
    asked: list[Filter | None] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RowReads, "dead_rows", _spy(asked, RowReads.dead_rows))
        patch.setattr(RowReads, "rows_matching", _spy(asked, RowReads.rows_matching))
        yield asked


def _spy(asked: list[Filter | None], method: Any) -> Any:
    def spied(now: RowReads, *given: Any) -> Any:
        asked.append(given[1] if len(given) > 1 else None)
        return method(now, *given)

    return spied


def compare(library: Library, asked: list[Filter], *, by_columns: bool = True) -> None:
    """Each filter has the rows that SQL finds."""
    for space in library.spaces():
        with library.catalog.snapshot() as now:
            count = now.rows(space.info)
            for where in asked:
                with sql_spied() as sql:
                    found = space.passing(now, count, where)
                    living = space.living(now, count)
                if by_columns:
                    assert all(part and part in _beyond(where) for part in sql)
                else:
                    assert sql == [where, None]
                assert found.numbers().tolist() == now.rows_matching(space.info, where).tolist()
                dead = np.setdiff1d(np.arange(count), living.numbers())
                assert dead.tolist() == now.dead_rows(space.info).tolist()


def _beyond(where: Filter) -> list[Filter]:
    """What the catalog is asked in any case."""
    return [Filter(near=where.near)]


@settings(max_examples=EXAMPLES, phases=QUICK)
@given(st.lists(images, max_size=30), steps, st.lists(filters, min_size=1, max_size=6))
def test_they_answer_as_sql_whatever_is_written(
    first: list[Image], written: list[tuple[str, list[Image], int]], asked: list[Filter]
) -> None:
    with pytest.MonkeyPatch.context() as patch, empty_library() as library:
        patch.setattr(following, "LEAST_ROWS", 0)
        patch.setattr(writing, "BLOCK", 8)
        patch.setattr(reading, "BLOCK", 8)
        patch.setattr(passing, "ROWS_AT_A_TIME", 16)
        with library.writing():
            for space in library.spaces():
                refresh_columns(space)
        for step, given_images, seed in [("add", first, 1), *written]:
            write(library, step, given_images, seed)
            compare(library, asked)
        assert [fault_of_columns(space) for space in library.spaces()] == [None, None]


@pytest.fixture
def library() -> Iterator[Library]:
    """Twelve images, one of them gone, with columns."""
    with empty_library() as made:
        given_images = [
            (
                FileState(f"/a/{n % 3}/{n}.jpg", 1, n),
                ImageFacts(1 + n % 2, 1, "JPEG", TIMES[n % 3], CAMERAS[n % 3]),
            )
            for n in range(12)
        ]
        write(made, "add", given_images, 1)
        with made.writing() as writer:
            writer.remove([Path("/a/0/3.jpg")])
            _label(made, writer, {}, [*made.catalog.images(range(9))])
            refresh_columns(made.space("one"))
        yield made


ASKED = [
    Filter(under=Path("/a/1")),
    Filter(dated=True),
    Filter(after=datetime(1, 1, 1)),
    Filter(camera="eos"),
    Filter(label="red"),
]


def column_files(library: Library) -> list[Path]:
    return sorted(library.space("one").directory.glob("columns-*/*"))


def check_only_sql_answers(library: Library) -> None:
    compare_one(library, by_columns=False)


def check_only_sql_answers_until_refreshed(library: Library) -> None:
    check_only_sql_answers(library)
    refresh(library)
    compare_one(library, by_columns=True)


def compare_one(library: Library, *, by_columns: bool) -> None:
    with open_library(library.path) as opened:
        space = opened.space("one")
        opened.spaces = lambda: [space]  # type: ignore[method-assign]
        compare(opened, ASKED, by_columns=by_columns)


def refresh(library: Library) -> None:
    with library.writing():
        refresh_columns(library.space("one"))


def test_they_are_used_by_another_process_too(library: Library) -> None:
    compare_one(library, by_columns=True)


@pytest.mark.parametrize("name", [*layout.COLUMNS, *layout.NAMES, layout.SUMS, "columns.json"])
@pytest.mark.parametrize("how", ["cut", "flipped", "gone"])
def test_a_damaged_file_is_not_used_and_made_anew(library: Library, name: str, how: str) -> None:
    head = library.space("one").directory / HEAD
    path = head if name == HEAD else next(f for f in column_files(library) if f.name == name)
    data = path.read_bytes()
    flipped = data[:-1] + bytes([data[-1] ^ 4])
    path.write_bytes({"cut": data[:-1], "flipped": flipped, "gone": b""}[how])
    if how == "gone":
        path.unlink()
    with open_library(library.path) as opened:
        space = opened.space("one")
        for where in ASKED:
            with opened.catalog.snapshot() as now:
                found = space.passing(now, 12, where).numbers().tolist()
                assert found == now.rows_matching(space.info, where).tolist()
        assert (fault_of_columns(space) is None) == (name == HEAD)
    refresh(library)
    assert fault_of_columns(library.space("one")) is None
    compare_one(library, by_columns=True)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
def test_nobody_waits_for_the_other_end_of_a_pipe(library: Library) -> None:
    for path in column_files(library):
        path.unlink()
        os.mkfifo(path)
    with open_library(library.path) as opened, opened.catalog.snapshot() as now:
        space = opened.space("one")
        for where in ASKED:
            found = space.passing(now, 12, where).numbers().tolist()
            assert found == now.rows_matching(space.info, where).tolist()
    refresh(library)
    compare_one(library, by_columns=True)


def test_a_writer_that_died_before_they_followed_leaves_them_unused(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(following.Following, "follow", killed)
        with pytest.raises(KeyboardInterrupt):
            library.remove([Path("/a/1/4.jpg")])
    check_only_sql_answers(library)
    assert library.remove([Path("/a/1/7.jpg")]) == 1, "whoever writes next goes on"
    check_only_sql_answers_until_refreshed(library)


@pytest.mark.parametrize("at", ["_write", "end", "put"])
def test_a_writer_that_died_in_the_middle_leaves_them_unused(
    library: Library, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    calls = iter(range(100))
    real = getattr(writing._Files, at)

    def killed(*given: Any) -> Any:
        if next(calls) == (2 if at == "_write" else 0):
            raise KeyboardInterrupt
        return real(*given)

    with monkeypatch.context() as patch:
        patch.setattr(writing._Files, at, killed)
        with pytest.raises(KeyboardInterrupt):
            library.remove([Path("/a/1/4.jpg")])
    check_only_sql_answers_until_refreshed(library)


def test_a_moment_before_a_write_is_answered_as_it_was(library: Library) -> None:
    space = library.space("one")
    with library.catalog.snapshot() as before:
        expected = space.living(before, 12)
        assert expected.size == 11
        library.remove([Path("/a/1/4.jpg")])
        assert expected.size == len(expected.numbers()) == 11, "what was handed out changed"
        with sql_spied() as sql:
            assert space.living(before, 12).numbers().tolist() == [
                row for row in range(12) if row != 3
            ]
        assert sql == [None]
    with library.catalog.snapshot() as now:
        assert space.living(now, 12).size == 10


def test_a_write_between_looking_and_reading_is_noticed(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    space = library.space("one")
    read = passing.passing

    def later(*given: Any) -> Any:
        library.remove([Path("/a/1/4.jpg")])
        return read(*given)

    monkeypatch.setattr(passing, "passing", later)
    with library.catalog.snapshot() as before, sql_spied() as sql:
        found = space.passing(before, 12, Filter(under=Path("/a/1")))
        assert (found.size, sql) == (4, [Filter(under=Path("/a/1"))])


def test_a_program_that_writes_without_saying_so_is_found_by_a_check(library: Library) -> None:
    assert library.check().is_sound
    plain = sqlite3.connect(library.catalog.path)
    plain.execute("UPDATE images SET camera = 'other' WHERE id = 2")
    plain.commit()
    plain.close()
    [fault] = library.check().faults
    assert "differ from the catalog" in str(fault)
    assert fault.where.endswith(HEAD)


def test_what_columns_cannot_say_is_left_to_the_catalog(library: Library) -> None:
    with library.writing():
        library.catalog.new_filter_state()
    plain = sqlite3.connect(library.catalog.path)
    plain.execute("UPDATE images SET taken_at = '2020-06-01' WHERE id = 2")
    plain.commit()
    plain.close()
    refresh(library)
    assert read_head(library.space("one").directory) is None
    check_only_sql_answers(library)


def test_those_of_an_earlier_format_are_not_used_and_made_anew(library: Library) -> None:
    head = library.space("one").directory / HEAD
    said = json.loads(head.read_text())
    names = said.pop("labelled"), said["crcs"].pop()
    assert min(names) > 0, "some are labelled"
    head.write_text(json.dumps({**said, "format": 1}))
    check_only_sql_answers_until_refreshed(library)


def test_a_label_that_is_taken_back_is_followed(library: Library) -> None:
    space = library.space("one")
    with library.catalog.snapshot() as now:
        assert space.passing(now, 12, Filter(label="red")).size > 0
    with library.writing():
        library.catalog.remove_label_set(library.catalog.label_sets()[0].id)
    compare_one(library, by_columns=True)
    with library.catalog.snapshot() as now:
        assert space.passing(now, 12, Filter(label="red")).size == 0


def test_a_small_library_has_none(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "LEAST_ROWS", 13)
    with empty_library() as other:
        refresh(other)
        assert read_head(other.space("one").directory) is None
