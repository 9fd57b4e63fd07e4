"""Libraries with copies and bursts in them: found by index runs, folded by searches, listed."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from indexers.reading import IndexOptions
from searchengine import Filter, Library
from searchengine.errors import InputError
from searchengine.looks.kept import LOOKS_FILE
from searchengine.spaces.stacked import STACKS_FILE
from searchengine.stacks.listing import Group, duplicates
from searchengine.types import Likeness
from tests.conftest import Workbench
from tests.support.places import ROOT
from tests.support.planted import as_file, copies, moved

SAMPLES = sorted((ROOT / "sample_data" / "photos").rglob("*.jpg"))[1:40:3]
MORNING = datetime(2024, 5, 1, 10, 0, 0)


def photo(number: int) -> Image.Image:
    return Image.open(SAMPLES[number]).convert("RGB")


def save(path: Path, picture: Image.Image, taken: datetime | None = None, camera: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    if camera:
        exif[0x0110] = camera
    if taken:
        exif.get_ifd(0x8769)[0x9003] = taken.strftime("%Y:%m:%d %H:%M:%S")
    picture.save(path, quality=90, exif=exif)
    return path


def shoot(bench: Workbench, number: int, **named: object) -> Path:
    return save(bench.photos / f"photo-{number}.jpg", photo(number), **named)  # type: ignore[arg-type]


def copy_of(bench: Workbench, number: int) -> list[Path]:
    """Near-copies of a photo in a folder of their own."""
    made = []
    for name, picture, kind in copies(photo(number), random.Random(number)):
        path = bench.photos / "copies" / f"{number}-{name}.{kind.lower()}"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(as_file(picture, kind=kind))
        made.append(path)
    return made


@pytest.fixture
def planted(bench: Workbench) -> Workbench:
    """Six photos; one has near-copies, one an exact one, one a burst, one an edit."""
    for number in range(6):
        shoot(bench, number)
    copy_of(bench, 0)
    shutil.copy(bench.photos / "photo-1.jpg", bench.photos / "photo-1 (1).jpg")
    for second in range(3):
        shot = moved(photo(2), random.Random(second))
        save(bench.photos / f"burst-{second}.jpg", shot, MORNING + timedelta(seconds=2 * second))
    save(bench.photos / "photo-3_bw.jpg", photo(3).convert("L").convert("RGB"))
    bench.index()
    return bench


@pytest.fixture
def library(planted: Workbench) -> Iterator[Library]:
    with planted.open() as opened:
        yield opened


def groups(library: Library, level: Likeness) -> list[Group]:
    return list(duplicates(library.space(), library.catalog, level))


def names(group: Group) -> list[str]:
    return [member.image.path.name for member in group.members]


def test_the_levels_are_not_mixed_up(library: Library) -> None:
    assert [names(group) for group in groups(library, Likeness.EXACT)] == [
        ["photo-1.jpg", "photo-1 (1).jpg"]
    ]
    near = groups(library, Likeness.NEAR)
    assert [len(group.members) for group in near] == [9, 2]
    assert names(near[0])[0] == "0-large.jpeg", "the most pixels"
    assert {member.likeness for member in near[0].members} == {None, Likeness.NEAR}
    assert {member.likeness for member in near[1].members} == {None, Likeness.EXACT}
    moments = groups(library, Likeness.MOMENT)
    assert sorted(map(sorted, map(names, moments))) == [
        ["burst-0.jpg", "burst-1.jpg", "burst-2.jpg"],
        ["photo-3.jpg", "photo-3_bw.jpg"],
    ]


def test_each_stack_is_one_hit_that_says_whom_it_stands_for(library: Library) -> None:
    every = library.search("green", k=100)
    hits = library.search("green", k=100, fold=True)
    assert len(every) == 19
    assert len(hits) == 7, "six photos, and the burst"
    stood_for = [other.id for hit in hits for other in hit.stack]
    assert sorted([*(hit.id for hit in hits), *stood_for]) == sorted(hit.id for hit in every)
    by_count = {1 + len(hit.stack): hit for hit in hits}
    assert by_count.keys() == {1, 2, 3, 9}
    assert {other.likeness for other in by_count[9].stack} == {Likeness.NEAR}
    assert {other.likeness for other in by_count[3].stack} == {Likeness.MOMENT}
    record = by_count[3].record()
    assert record["stack"]["count"] == 3
    assert [other["likeness"] for other in record["stack"]["members"]] == ["moment", "moment"]
    best = {hit.id: hit.score for hit in every}
    for hit in hits:
        assert hit.score == best[hit.id] >= max([best[o.id] for o in hit.stack], default=-1)


@pytest.mark.parametrize("factory", [None, "IVF1,Flat"])
def test_pages_of_any_size_are_disjoint_and_complete(
    planted: Workbench, factory: str | None
) -> None:
    if factory:
        for number in range(240):
            planted.paint(f"plain/{number:03}.png", (number, 7 * number % 256, 31 * number % 256))
    planted.index(options=IndexOptions(factory=factory))
    with planted.open() as library:
        whole = [hit.id for hit in library.search("red", k=1_000, fold=True, exact=True)]
        for k in (11, 60) if factory else (1, 2, 5, 60):
            found: list[int] = []
            while page := library.search("red", k=k, offset=len(found), fold=True):
                found += [hit.id for hit in page]
            assert len(found) == len(set(found)), "a hit comes twice"
            assert sorted(found) == sorted(whole)


def test_files_that_are_gone_let_another_one_stand_for_them(
    planted: Workbench, library: Library
) -> None:
    before = library.search("green", k=100, fold=True)
    largest = next(hit for hit in before if len(hit.stack) == 8)
    largest.path.unlink()
    after = library.search("green", k=100, fold=True, present_only=True)
    assert len(after) == len(before)
    assert largest.id not in {hit.id for hit in after}
    listed = groups(library, Likeness.NEAR)[0]
    assert largest.path.name not in names(listed)


def test_what_a_filter_leaves_out_is_in_no_stack(planted: Workbench, library: Library) -> None:
    where = Filter(under=planted.photos / "copies")
    [hit] = library.search("green", k=100, fold=True, where=where)
    assert len(hit.stack) == 7, "the original lies elsewhere"
    assert library.search(planted.photos / "photo-4.jpg", k=100, fold=True, where=where)


def test_what_comes_later_joins_and_may_lead(planted: Workbench) -> None:
    late = save(planted.photos / "original.png", photo(0).resize((1280, 720)))
    planted.index()
    with planted.open() as library:
        assert names(groups(library, Likeness.NEAR)[0])[0] == late.name
        assert len(groups(library, Likeness.NEAR)[0].members) == 10
    shutil.rmtree(planted.photos / "copies")
    planted.index()
    with planted.open() as library:
        assert names(groups(library, Likeness.NEAR)[0]) == ["original.png", "photo-0.jpg"]


def test_runs_one_by_one_find_what_one_run_finds(planted: Workbench, tmp_path: Path) -> None:
    def found(bench: Workbench) -> set[frozenset[str]]:
        with bench.open() as library:
            return {frozenset(names(group)) for group in groups(library, Likeness.NEAR)}

    whole = found(planted)
    for path in planted.library_path.rglob("*"):
        if path.name in (STACKS_FILE, LOOKS_FILE):
            path.unlink()
    shoot(planted, 7)
    planted.index()
    assert found(planted) == whole, "of a library of a version that kept neither"
    planted.library_path = tmp_path / "other"
    for folder in (planted.photos / "copies", planted.photos):
        planted.index([folder])
    assert found(planted) == whole


def closer(picture: Image.Image, share: float) -> Image.Image:
    """So much cut away on each side."""
    across, down = round(share * picture.width), round(share * picture.height)
    return picture.crop((across, down, picture.width - across, picture.height - down))


def test_a_copy_of_a_copy_is_no_hit_of_its_own(planted: Workbench) -> None:
    save(planted.photos / "photo-5 close.jpg", closer(photo(5), 0.07))
    save(planted.photos / "photo-5 closer.jpg", closer(photo(5), 0.125))
    planted.index()
    with planted.open() as library:
        found = [names(group) for group in groups(library, Likeness.NEAR)]
        assert found[2:] == [["photo-5.jpg", "photo-5 close.jpg"]], "the closest is no copy of this"
        hits = library.search("green", k=100, fold=True)
        assert len(hits) == 7
        [hit] = [hit for hit in hits if hit.path.name.startswith("photo-5")]
        assert len(hit.stack) == 2
        likenesses = {Path(other.path).name: other.likeness for other in hit.stack}
        assert likenesses.get("photo-5 closer.jpg", Likeness.MOMENT) is Likeness.MOMENT


def told(bench: Workbench) -> tuple[set[frozenset[bytes]], dict[str, tuple[str | None, ...]]]:
    """What is linked, by contents, and the leaders of each file's copies and of its moment."""
    with bench.open() as library:
        space = library.space()
        count = library.catalog.rows(space.info)
        images = library.catalog.images_of_rows(space.info, range(count))
        stacks = space.stacks.at(count)
    assert stacks is not None
    assert stacks.images == len(images)
    path = {row: image.file.path for row, image in images.items()}
    contents = {row: image.content_hash for row, image in images.items()}
    return (
        {frozenset(contents[row] for row in pair) for pair in stacks.links.tolist()},
        {
            path[row]: tuple(
                path.get(int(labels[row])) for labels in (stacks.copies, stacks.moments)
            )
            for row in path
        },
    )


@pytest.mark.parametrize("seed", [1, 2])
def test_runs_in_any_order_and_what_has_left_end_as_one_run(
    planted: Workbench, tmp_path: Path, seed: int
) -> None:
    save(planted.photos / "photo-5 close.jpg", closer(photo(5), 0.07))
    save(planted.photos / "photo-5 closer.jpg", closer(photo(5), 0.125))
    save(planted.photos / "copies" / "1-half.jpg", photo(1).resize((160, 120)))
    planted.library_path = tmp_path / "at once"
    planted.index()
    whole = told(planted)
    assert len(whole[0]) > 30
    files = sorted(path for path in planted.photos.rglob("*.*"))
    apart = [path.rename(tmp_path / path.name) for path in files]
    planted.library_path = tmp_path / "one by one"
    first = shutil.copy(tmp_path / "photo-1.jpg", planted.photos / "first.jpg")
    larger = save(planted.photos / "larger.png", photo(0).resize((1280, 720)))
    order = random.Random(seed).sample(range(len(files)), len(files))
    for start in range(0, len(order), 4):
        for place in order[start : start + 4]:
            apart[place].rename(files[place])
        if start == 16:
            Path(first).unlink()
            larger.unlink()
        planted.index()
    assert told(planted) == whole
    (planted.photos / "copies" / "0-large.jpeg").unlink()
    planted.index()
    one_by_one = told(planted)
    planted.library_path = tmp_path / "at once again"
    planted.index()
    assert told(planted) == one_by_one, "also where a run finds nothing but what has left"


def test_stacks_of_an_older_version_fold_until_the_next_run(planted: Workbench) -> None:
    with planted.open() as library:
        path = library.space().directory / STACKS_FILE
        shutil.copy(ROOT / "tests" / "data" / "stacks-format-1.safetensors", path)
        assert library.check().is_sound
        assert len(library.search("green", k=100, fold=True)) == 7
        before = [names(group) for group in groups(library, Likeness.NEAR)]
        assert [len(group) for group in before] == [9, 2]
    planted.index()
    links, _ = told(planted)
    assert len(links) == 34, "of the 36 pairs of nine"
    with planted.open() as library:
        assert [names(group) for group in groups(library, Likeness.NEAR)] == before


def test_shots_of_other_cameras_and_other_times_are_other_moments(bench: Workbench) -> None:
    shot = moved(photo(2), random.Random(1))
    save(bench.photos / "first.jpg", photo(2), MORNING, "One")
    save(bench.photos / "other camera.jpg", shot, MORNING, "Two")
    save(bench.photos / "much later.jpg", shot.rotate(1), MORNING + timedelta(hours=1), "One")
    save(bench.photos / "another thing.jpg", photo(5), MORNING + timedelta(seconds=1), "One")
    bench.index()
    with bench.open() as library:
        assert groups(library, Likeness.MOMENT) == []


def test_raw_and_jpeg_are_of_one_moment_and_no_copies(bench: Workbench) -> None:
    save(bench.photos / "dsc_1.jpg", photo(0))
    (bench.photos / "dsc_1.nef").write_bytes(as_file(photo(0), quality=91))
    bench.index()
    with bench.open() as library:
        assert len(groups(library, Likeness.NEAR)) == 1
        (library.space().directory / STACKS_FILE).unlink()
    with sqlite3.connect(bench.library_path / "catalog.sqlite") as other:
        other.execute("UPDATE images SET format = 'NEF' WHERE path LIKE '%.nef'")
    other.close()
    shoot(bench, 5)
    bench.index()
    with bench.open() as library:
        assert groups(library, Likeness.NEAR) == []
        [group] = groups(library, Likeness.MOMENT)
        assert names(group) == ["dsc_1.nef", "dsc_1.jpg"]


def test_a_library_that_was_not_compared_says_so(planted: Workbench, library: Library) -> None:
    (library.space().directory / STACKS_FILE).unlink()
    with pytest.raises(InputError, match="clipseek index PATH"):
        groups(library, Likeness.NEAR)
    assert len(groups(library, Likeness.EXACT)) == 1
    assert len(library.search("green", k=100, fold=True)) == 19


@pytest.mark.parametrize("file", [STACKS_FILE, LOOKS_FILE])
def test_a_flipped_bit_is_found_and_mended(planted: Workbench, file: str) -> None:
    with planted.open() as library:
        path = library.space().directory / file
        assert library.check().is_sound
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(data)
    with planted.open() as library:
        assert [file in fault.where for fault in library.check().faults] == [True]
        assert library.check(repair=True).is_sound
        assert library.search("green", fold=True)
    shoot(planted, 8)
    planted.index()
    with planted.open() as library:
        assert len(groups(library, Likeness.NEAR)) == 2


def test_a_file_that_is_gone_is_found_and_made_anew(planted: Workbench) -> None:
    with planted.open() as library:
        path = library.space().directory / STACKS_FILE
        before = groups(library, Likeness.NEAR)
        path.unlink()
        assert [STACKS_FILE in fault.where for fault in library.check().faults] == [True]
        assert library.check(repair=True).is_sound
        assert groups(library, Likeness.NEAR) == before
        path.unlink()
    planted.index()
    with planted.open() as library:
        assert groups(library, Likeness.NEAR) == before
        assert library.check().is_sound


def test_labels_of_rows_that_are_not_there_are_none(library: Library) -> None:
    space = library.space()
    count = library.catalog.rows(space.info)
    assert space.stacks.at(count) is not None
    assert space.stacks.at(count - 1) is None, "made since the rows were counted"
    stacks = space.stacks.at(count + 5)
    assert stacks is not None
    assert stacks.moments_of(np.array([count + 2])).tolist() == [-1]
