"""The library end to end with the fake encoder: search, filters, describe, captions, remove."""

from __future__ import annotations

import hashlib
import os
import sqlite3
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from PIL import Image

from searchengine import Filter
from searchengine.catalog.records import Batch
from searchengine.catalog.sqlite import connection
from searchengine.errors import (
    EncoderMismatchError,
    InputError,
    LibraryClosedError,
    LibraryDamagedError,
    LibraryError,
    LibraryLockedError,
    LibraryNotFoundError,
    LibraryReplacedError,
    LibraryTooNewError,
    LibraryUnusableError,
    NothingIndexedError,
    PathNotFoundError,
    QueryError,
    SpaceNotFoundError,
)
from searchengine.library.layout import discard_empty
from searchengine.library.library import open_library
from searchengine.retrieval.terms import parse_terms
from tests.conftest import Workbench
from tests.support.fake import FakeEncoder


def test_finds_the_colour_asked_for_with_its_cosine(colours: Workbench) -> None:
    with colours.open() as library:
        hits = library.search("blue", k=3)
    assert hits[0].path == colours.photos / "blue.png"
    assert [hit.rank for hit in hits] == [1, 2, 3]
    encoder = colours.encoder
    [query] = encoder.encode_texts(["blue"])
    [image] = encoder.encode_images([Image.open(colours.photos / "blue.png")])
    assert hits[0].score == pytest.approx(float(query @ image), abs=2e-3)
    facts = hits[0].image.facts
    assert (facts.width, facts.height) == (40, 30)


def test_an_image_finds_those_like_it(colours: Workbench) -> None:
    Image.new("RGB", (40, 30), "green").save(colours.photos.parent / "elsewhere.png")
    with colours.open() as library:
        [hit] = library.search(str(colours.photos.parent / "elsewhere.png"), k=1)
    assert hit.path.name == "green.png"
    assert hit.score == pytest.approx(1.0, abs=2e-3)


def test_added_and_subtracted_terms_move_the_query(colours: Workbench) -> None:
    with colours.open() as library:
        hits = library.search(parse_terms(["yellow", "-", "2:red", "+", "blue"]), k=6)
    encoder = colours.encoder
    yellow, red, blue = encoder.encode_texts(["yellow", "red", "blue"])
    query = (yellow - 2 * red + blue) / np.linalg.norm(yellow - 2 * red + blue)
    images = encoder.encode_images([Image.open(hit.path) for hit in hits])
    assert [hit.score for hit in hits] == pytest.approx((images @ query).tolist(), abs=2e-3)
    assert hits[0].path.name == "blue.png"
    assert hits[-1].path.name == "red.png"


def test_terms_that_cancel_out_are_refused(colours: Workbench) -> None:
    with colours.open() as library, pytest.raises(QueryError, match="cancel each other out"):
        library.search(parse_terms(["red", "-", "red"]))


def test_offset_continues_where_the_page_before_ended(colours: Workbench) -> None:
    with colours.open() as library:
        everything = library.search("red", k=6)
        pages = library.search("red", k=2) + library.search("red", k=4, offset=2)
    assert pages == everything


def test_more_than_there_is_gives_what_there_is(colours: Workbench) -> None:
    assert len(colours.names("red", k=100)) == 6


def test_min_score_cuts_the_tail(colours: Workbench) -> None:
    with colours.open() as library:
        hits = library.search("red", k=6)
        border = hits[2].score
        assert library.search("red", k=6, min_score=border) == hits[:3]


def test_filters_still_give_k_hits_where_k_exist(bench: Workbench) -> None:
    for number in range(30):
        bench.paint(f"red/{number:02}.png", (255, number, 0))
    for number in range(5):
        bench.paint(f"blue/{number:02}.png", (0, number, 255))
    bench.index()
    with bench.open() as library:
        hits = library.search("red", k=5, where=Filter(under=bench.photos / "blue"))
    assert sorted(hit.path.parent.name for hit in hits) == ["blue"] * 5


def test_under_does_not_match_names_that_only_begin_alike(bench: Workbench) -> None:
    bench.paint("cat/1.png", "red")
    bench.paint("cats/2.png", "red")
    bench.paint("cat-1.png", "red")
    bench.index()
    with bench.open() as library:
        hits = library.search("red", where=Filter(under=bench.photos / "cat"))
    assert [hit.path.name for hit in hits] == ["1.png"]


def _with_exif(path: Path, taken: str | None, camera: str | None) -> None:
    exif = Image.Exif()
    if camera:
        exif[0x010F], exif[0x0110] = camera.split(" ", 1)
    if taken:
        exif.get_ifd(0x8769)[0x9003] = taken
    Image.new("RGB", (16, 16), "red").save(path, exif=exif)


def test_dates_come_from_exif_and_else_from_the_file(bench: Workbench) -> None:
    _with_exif(bench.photos / "exif.jpg", "2020:06:01 12:00:00", "Canon EOS 5D")
    _with_exif(bench.photos / "file.jpg", None, None)
    in_2010 = datetime(2010, 5, 5).timestamp()
    os.utime(bench.photos / "file.jpg", (in_2010, in_2010))
    bench.index()

    def found(where: Filter) -> list[str]:
        with bench.open() as library:
            return sorted(hit.path.name for hit in library.search("red", where=where))

    assert found(Filter(after=datetime(2020, 6, 1, 12))) == ["exif.jpg"]
    assert found(Filter(after=datetime(2020, 6, 1, 12, 1))) == []
    assert found(Filter(before=datetime(2020, 6, 1, 12))) == ["file.jpg"]
    assert found(Filter(after=datetime(2010, 5, 5), before=datetime(2021, 1, 1))) == [
        "exif.jpg",
        "file.jpg",
    ]
    assert found(Filter(camera="canon")) == ["exif.jpg"]
    assert found(Filter(camera="%")) == []


def test_describe_ranks_given_texts(colours: Workbench) -> None:
    with colours.open() as library:
        hits = library.describe(colours.photos / "red.png", texts=["blue", "red", "white"], k=2)
    assert hits[0].text == "red"
    assert [hit.rank for hit in hits] == [1, 2]


def test_stored_captions_describe_and_follow_their_image(colours: Workbench) -> None:
    pairs = [
        (str(colours.photos / "red.png"), "a red wall"),
        (str(colours.photos / "blue.png"), "a blue sky"),
        (str(colours.photos / "strange.png"), "nobody knows"),
    ]
    with colours.open() as library:
        assert library.add_captions(pairs) == (2, [str(colours.photos / "strange.png")])
        assert library.add_captions(pairs)[0] == 0
        assert library.describe(colours.photos / "blue.png", k=1)[0].text == "a blue sky"
        assert library.info().captions == 2
        library.remove([colours.photos / "blue.png"])
        assert library.info().captions == 1
        assert [hit.text for hit in library.describe(colours.photos / "blue.png")] == ["a red wall"]


def test_describe_without_captions_says_how_to_get_some(colours: Workbench) -> None:
    with colours.open() as library, pytest.raises(InputError, match="clipseek captions add"):
        library.describe(colours.photos / "red.png")


def test_removed_images_are_never_hits_and_come_back_when_indexed(colours: Workbench) -> None:
    with colours.open() as library:
        assert library.remove([colours.photos / "red.png"]) == 1
    assert "red.png" not in colours.names("red")
    assert colours.index().indexed == 1
    assert colours.names("red")[0] == "red.png"


def test_removing_what_is_not_there_removes_nothing(colours: Workbench) -> None:
    with colours.open() as library:
        with pytest.raises(InputError, match="lists no image there"):
            library.remove([colours.photos / "red.png", colours.photos / "nowhere"])
        assert library.info().images == 6


def test_ids_are_never_used_again(colours: Workbench) -> None:
    with colours.open() as library:
        before = {hit.id for hit in library.search("red")}
        library.remove([colours.photos])
    colours.index()
    with colours.open() as library:
        after = {hit.id for hit in library.search("red")}
    assert min(after) > max(before)


def test_info_counts(colours: Workbench) -> None:
    with colours.open() as library:
        info, directory = library.info(), library.space().directory
    assert (info.images, info.failures, info.captions) == (6, 0, 0)
    assert info.default_space == "fake"
    assert [(s.name, s.images, s.dim, s.indexed_rows) for s in info.spaces] == [("fake", 6, 8, 0)]
    files = {file.name: file.stat().st_size for file in directory.iterdir()}
    assert files["vectors.f16"] == 6 * 8 * 2
    assert info.spaces[0].bytes == sum(files.values())
    assert info.bytes > info.spaces[0].bytes


def test_what_is_asked_after_closing_is_one_error(colours: Workbench) -> None:
    with colours.open() as library:
        space = library.space()
        with library.catalog.snapshot() as now:
            library.close()
            assert now.counts()["images"] == 6, "what was begun is ended"
    for ask in (
        lambda: library.search("red"), lambda: len(library), library.info, library.check,
        library.stored_vectors, lambda: library.remove([colours.photos]), space.index_info,
        lambda: library.__enter__().spaces(),
    ):  # fmt: skip
        with pytest.raises(LibraryClosedError, match="was closed before this; open it again"):
            ask()
    assert repr(library) == f"<Library {library.path}: closed>"
    assert library
    library.close()


# what can be wrong with a library


def test_no_library_here(tmp_path: Path) -> None:
    with pytest.raises(LibraryNotFoundError, match="clipseek index"):
        open_library(tmp_path / "nothing")
    assert not (tmp_path / "nothing").exists()


def test_an_empty_library_says_how_to_fill_it(bench: Workbench) -> None:
    with bench.open() as library, pytest.raises(NothingIndexedError, match="clipseek index"):
        library.search("red")


def test_a_folder_of_other_things_is_not_made_a_library(bench: Workbench) -> None:
    bench.paint("red.png", "red")
    with pytest.raises(LibraryError, match=r"no library and not empty \(red.png"):
        open_library(bench.photos, create=True)


@pytest.mark.parametrize("file", [None, "vectors.f16"])
def test_a_library_of_which_nothing_came_is_taken_away_or_stays_one(
    tmp_path: Path, file: str | None
) -> None:
    """Never a directory that is no library and not empty either."""
    directory = tmp_path / "library"
    with open_library(directory, create=True) as library:
        space = directory / "spaces" / "of-one-that-began"
        space.mkdir(parents=True)
        if file is not None:
            (space / file).touch()
        discard_empty(library)
    assert directory.exists() == (file is not None)
    open_library(directory, create=True).close()


def test_a_library_that_somebody_writes_is_not_taken_away(bench: Workbench) -> None:
    bench.paint("red.png", "red")
    with bench.open() as failing, bench.open() as other:
        with other.writing(), pytest.raises(LibraryLockedError):
            discard_empty(failing)
        assert bench.index().indexed == 1
        discard_empty(failing)
        assert len(other) == 1


def test_who_opened_a_library_that_is_taken_away_then_is_told(bench: Workbench) -> None:
    bench.paint("red.png", "red")
    with bench.open() as failing, bench.open() as other:
        discard_empty(failing)
        with pytest.raises(LibraryReplacedError, match="start again"), other.writing() as writer:
            writer.space_for(FakeEncoder())
    assert bench.index().indexed == 1


def test_a_newer_schema_is_refused(colours: Workbench) -> None:
    connection = sqlite3.connect(colours.library_path / "catalog.sqlite")
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(LibraryTooNewError, match="schema 99"):
        colours.open()


def test_a_catalog_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "catalog.sqlite").write_bytes(b"not a database at all, but long enough" * 10)
    with pytest.raises(LibraryDamagedError, match="not a database"):
        open_library(tmp_path)


def test_a_catalog_that_another_program_holds(
    colours: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "BUSY_SECONDS", 0.1)
    holder = sqlite3.connect(colours.library_path / "catalog.sqlite", isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    with colours.open() as library, pytest.raises(LibraryUnusableError, match="is locked"):
        library.remove([colours.photos])
    holder.close()
    assert colours.index().unchanged == 6


def test_vectors_that_are_too_few(colours: Workbench) -> None:
    os.truncate(colours.library_path / "spaces" / "fake" / "vectors.f16", 5 * 16)
    with colours.open() as library, pytest.raises(LibraryDamagedError, match=r"5 rows.* 6"):
        library.search("red")
    loads = colours.loads
    for _ in range(2):  # with nothing to do, and with something
        with pytest.raises(LibraryDamagedError, match=r"5 rows.* 6"):
            colours.index()
        colours.paint("new.png", "cyan")
    assert colours.loads == loads
    with colours.open() as library:
        assert library.check(repair=True).is_sound
    assert colours.index().indexed == 1


def test_a_second_writer_is_told_who_writes(colours: Workbench) -> None:
    with colours.open() as library, library.writing():
        with colours.open() as other, pytest.raises(LibraryLockedError, match=str(os.getpid())):
            other.remove([colours.photos])
        assert len(library.search("red")) == 6


def test_the_lock_goes_with_its_writer(colours: Workbench) -> None:
    with colours.open() as library:
        with library.writing():
            pass
        assert library.remove([colours.photos]) == 6


def test_other_weights_under_the_same_name_are_refused(colours: Workbench) -> None:
    colours.encoder.fingerprint = "other"
    with colours.open() as library, pytest.raises(EncoderMismatchError, match="weights other"):
        library.search("red")
    colours.paint("new.png", "red")
    with pytest.raises(EncoderMismatchError, match="nothing was changed"):
        colours.index()


def test_a_second_encoder_gets_a_space_of_its_own(colours: Workbench) -> None:
    colours.encoder.name = "second/one"
    assert colours.index().indexed == 6
    with colours.open() as library:
        assert [space.info.name for space in library.spaces()] == ["fake", "second__one"]
        assert library.info().images == 6
        assert library.search("red", k=1, space="second/one")[0].path.name == "red.png"
        with pytest.raises(SpaceNotFoundError, match="fake, second__one"):
            library.search("red", space="third")


def test_a_changed_file_is_old_in_every_space(colours: Workbench) -> None:
    colours.encoder.name = "second"
    colours.index()
    colours.paint("red.png", "blue", size=(50, 50))
    colours.index()
    with colours.open() as library:
        assert library.info().spaces[0].images == 5
        assert library.info().spaces[1].images == 6
    colours.encoder.name = "fake"
    assert colours.index().indexed == 1


def test_wrong_search_arguments(colours: Workbench) -> None:
    with colours.open() as library:
        with pytest.raises(InputError, match="k must be at least 1"):
            library.search("red", k=0)
        with pytest.raises(QueryError, match="no such image file"):
            library.search("gone.jpg")
        with pytest.raises(PathNotFoundError, match="gone"):
            library.describe(colours.photos / "gone.jpg")
        (colours.photos / "text.jpg").write_text("no picture")
        with pytest.raises(InputError, match=r"text.jpg: "):
            library.search(str(colours.photos / "text.jpg"))


def test_a_commit_with_too_few_vectors_is_a_mistake(colours: Workbench) -> None:
    with colours.open() as library, library.writing() as writer:
        [entry] = [object()]
        with pytest.raises(ValueError, match="1 images, 2 vectors"):
            writer.commit(
                library.space(),
                Batch(added=[entry]),  # type: ignore[list-item]
                np.zeros((2, 8), dtype=np.float32),
            )


def test_lookups_cost_the_same_in_a_large_library(colours: Workbench) -> None:
    """No lookup may walk every row of a space: SQLite's own plan of each query is asked."""
    statements: list[tuple[str, tuple[Any, ...]]] = []
    with colours.open() as library:
        library.remove([colours.photos / "white.png"])
        space = library.space().info
        engine = library.catalog._database.engine
        sa.event.listen(
            engine,
            "before_cursor_execute",
            lambda _c, _cursor, sql, parameters, *_: statements.append((sql, parameters)),
        )
        assert library.catalog.same_content(space, b"no such hash") is None
        red = hashlib.blake2b((colours.photos / "red.png").read_bytes(), digest_size=16)
        assert library.catalog.same_content(space, red.digest()) is not None
        assert len(library.catalog.dead_rows(space)) == 1
        assert library.catalog.rows(space) == 6
        assert len(library.catalog.images_of_rows(space, [0, 2])) == 2
        assert len(library.catalog.image_ids(str(colours.photos / "red.png"))) == 1
        assert len(library.catalog.known("fake", [str(colours.photos / "red.png")])) == 1
    catalog = sqlite3.connect(colours.library_path / "catalog.sqlite")
    assert len(statements) == 9
    for sql, parameters in statements:
        plan = [step[3] for step in catalog.execute(f"EXPLAIN QUERY PLAN {sql}", parameters)]
        walked = [step for step in plan if step.startswith("SCAN")]
        asked_for = [step for step in walked if "VIRTUAL TABLE" in step]  # of json_each
        assert walked == asked_for, (sql, plan)
        if "max(" not in sql:  # the last row of a space: SQLite takes one step for it
            assert not [step for step in plan if step.endswith("(space_id=?)")], (sql, plan)
    catalog.close()
