"""A library moves on to another encoder: answered all along, killed and resumed, nothing mixed."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

from clipseek import index_folder
from indexers import pipeline
from searchengine import load_encoder, open_library
from searchengine.errors import LibraryError, NothingIndexedError, SpaceNotFoundError
from searchengine.library.layout import space_directory
from searchengine.library.library import Library
from searchengine.library.moving import forget_space, progress, use_space
from tests.conftest import Run, Watcher, Workbench
from tests.support.models import make_model
from tests.support.places import ROOT

QUERIES = ("two dogs at a window", "a bridge at night")

MOVE_TO_BE_KILLED = """
import sys, time
from pathlib import Path
from indexers import pipeline, reading
from searchengine import load_encoder, open_library
from tests.conftest import Watcher
photos, library, name = sys.argv[1:]
reading.SAVE_SECONDS = 0.0
with open_library(library) as opened:
    encoder = load_encoder(name, device="cpu", precision="float32")
    encode, batches = encoder.encode_pixels, []
    def slowly(pixels):
        batches.append(pixels)
        while len(batches) > 6:
            time.sleep(1)
        return encode(pixels)
    object.__setattr__(encoder, "encode_pixels", slowly)
    pipeline.index(opened, [Path(photos)], encoder=name, load=lambda: encoder, observer=Watcher(),
                   options=reading.IndexOptions(batch_size=2, workers=1))
"""


@pytest.fixture(scope="module")
def moving(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, str]:
    """Photos, a library of them with `starter`, and another encoder."""
    home = tmp_path_factory.mktemp("moving")
    photos = home / "photos"
    photos.mkdir()
    for path in sorted((ROOT / "sample_data" / "photos").rglob("*.jpg"))[:16]:
        shutil.copy(path, photos)
    fill(home / "library", photos, "starter")
    return photos, home / "library", make_model(home / "made", {})


def fill(library: Path, photos: Path, name: str) -> None:
    with open_library(library, create=True) as opened:
        pipeline.index(
            opened,
            [photos],
            encoder=name,
            load=lambda: load_encoder(name, device="cpu", precision="float32"),
            observer=Watcher(),
        )


def answers(library: Library, space: str | None = None) -> list[list[tuple[float, Path]]]:
    return [
        [(hit.score, hit.path) for hit in library.search(query, k=20, space=space)]
        for query in QUERIES
    ]


def bytes_of(library: Path, space: str) -> dict[str, bytes]:
    directory = space_directory(library, space)
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def test_a_library_moves_on_killed_and_resumed_while_it_answers(
    moving: tuple[Path, Path, str],
) -> None:
    photos, path, name = moving
    before = bytes_of(path, "starter")
    with open_library(path) as library:
        expected = answers(library)
        assert [len(hits) for hits in expected] == [16, 16]
        seen = set()
        command = [sys.executable, "-c", MOVE_TO_BE_KILLED, str(photos), str(path), name]
        with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE) as mover:
            while mover.poll() is None:
                time.sleep(0.02)  # the mover needs the machine more
                assert answers(library) == expected
                if len(library.spaces()) > 1:
                    now = progress(library, library.space(name))
                    seen.add(now.images)
                    if 4 <= now.images < now.of:
                        mover.kill()
            assert mover.stderr is not None
            assert b"Traceback" not in mover.stderr.read()
        now = progress(library, library.space(name))
        assert 0 < now.images < now.of == 16, seen
        assert answers(library) == expected

        command = [sys.executable, "-m", "cli", "index", str(photos), "--model", name]
        done = subprocess.run(
            [*command, "--library", str(path), "--device", "cpu"],
            capture_output=True,
            text=True,
            cwd=ROOT,
            check=True,
        )
        assert f"{16 - now.images} indexed" in done.stderr
        assert re.search(r"16 of 16 images, \d\.\d MB; searches still ask starter: ", done.stderr)
        assert answers(library) == expected, "it answers as before until it is told otherwise"
        assert bytes_of(path, "starter") == before

        new = answers(library, name)
        assert new != expected
        assert use_space(library, name).again == []
        assert answers(library) == new
        assert answers(library, "starter") == expected
        assert [space.info.encoder for space in library.spaces()] == [name, "starter"]
        assert bytes_of(path, "starter") == before
        use_space(library, "starter")
        assert answers(library) == expected
        use_space(library, name)

        library.catalog.set_setting("matching starter", "{}")
        gone = forget_space(library, "starter")
        assert library.catalog.setting("matching starter") is None
        assert (gone.images, gone.bytes) == (16, sum(map(len, before.values())))
        assert not space_directory(path, "starter").exists()
        assert answers(library) == new
        assert library.check().faults == ()
        with pytest.raises(SpaceNotFoundError):
            answers(library, "starter")


def test_a_library_read_at_224_pixels_goes_on_at_that_until_it_is_moved(tmp_path: Path) -> None:
    """The same weights, two spaces, and a query is encoded at its space's size."""
    [photo] = sorted((ROOT / "sample_data" / "photos").rglob("orange-kitten.jpg"))
    kittens = tmp_path / "kittens"
    kittens.mkdir()
    shutil.copy(photo, kittens)
    fill(tmp_path / "at-224", kittens, "starter")
    with (kittens / "again.jpg").open("wb") as file:
        file.write(photo.read_bytes() + b"another file")
    with open_library(tmp_path / "at-224") as library:
        for asked in ("auto", "starter"):
            index_folder(library, kittens, encoder=asked, device="cpu")
        assert [space.info.encoder for space in library.spaces()] == ["starter"]
        index_folder(library, kittens, encoder="starter-256", device="cpu")
        use_space(library, "starter-256")
        old, new = library.space("starter"), library.space("starter-256")
        assert old.info.fingerprint == new.info.fingerprint
        for space in (old, new):
            hits = library.search(Image.open(photo), space=space.info.name)
            assert [hit.score for hit in hits] == pytest.approx([1, 1], abs=1e-3)
        forget_space(library, "starter")
        assert use_space(library, "starter").now.space == "starter-256"


def test_what_cannot_be_used_or_forgotten(bench: Workbench) -> None:
    bench.paint("red.png", (250, 0, 0))
    bench.index()
    with bench.open() as library:
        with pytest.raises(SpaceNotFoundError, match="nothing"):
            use_space(library, "nothing")
        with pytest.raises(LibraryError, match="answers the searches; it is the only one"):
            forget_space(library, "fake")
        library.catalog.add_space(
            name="other", encoder="other", dim=8, precision="float32", fingerprint="x"
        )
        space_directory(library.path, "other").mkdir()
        with pytest.raises(NothingIndexedError):
            use_space(library, "other")
        with pytest.raises(LibraryError, match="first let another answer: clipseek use other"):
            forget_space(library, "fake")
        assert library.space().info.name == "fake"
        assert forget_space(library, "other").images == 0
        assert [space.info.name for space in library.spaces()] == ["fake"]


def test_what_a_forgotten_space_left_on_the_disk_is_not_taken_for_the_new_one(
    bench: Workbench,
) -> None:
    bench.paint("red.png", (250, 0, 0))
    bench.index()
    with bench.open() as library, library.writing() as writer:
        info = library.space().info
        stale = library.space().directory / "index.json"
        stale.write_text("{}")
        library.catalog.remove_space(info)
        assert stale.exists()
        assert writer.space_for(bench.encoder).info.id > info.id
        assert not stale.exists()


def test_the_command_line_says_what_changes(run: Run, bench: Workbench) -> None:
    bench.paint("red.png", (250, 0, 0))
    bench.paint("blue.png", (0, 0, 250))
    run("index", bench.photos)
    with bench.open() as library:
        library.catalog.add_space(
            name="other", encoder="other", dim=8, precision="float32", fingerprint="fake"
        )
        library.space("other").directory.mkdir()
    done = run("info")
    assert "fake (default): 2 images" in done.out
    assert "other: 0 of 2 images" in done.out
    assert run("use", "other").code == 1
    assert run("use", "fake").err == "fake answers searches, as before\n"
    done = run("forget", "other")
    assert (done.code, done.err) == (0, "other is forgotten: 0 images, 0.0 MB\n")
    assert "no space 'other'" in run("forget", "other").err
