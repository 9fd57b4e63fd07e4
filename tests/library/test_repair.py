"""In which precision a repair makes rows: with an encoder whose queries have another."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from clipseek import index_folder, open_library
from searchengine import load_encoder
from searchengine.encoders.openvino.kept import find
from searchengine.encoders.openvino.precision import prefer
from searchengine.library.library import Library
from searchengine.types import Vectors
from tests.support.damage import flip
from tests.support.models import make_model
from tests.support.places import ROOT

pytest.importorskip("openvino")

PHOTOS = sorted((ROOT / "sample_data" / "photos").rglob("*.jpg"))[:8]


def _vectors(library: Library) -> dict[str, Vectors]:
    """Of images by their paths."""
    space = library.space()
    rows, paths = library.catalog.embedded_images(space.info)
    stored = np.fromfile(space.images.path, np.float16).reshape(-1, space.info.dim)
    return dict(zip(paths, stored[rows], strict=True))


def test_rows_are_made_again_as_index_runs_make_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In float32 here, though a query by a picture goes through int8, and one went before."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    name = make_model(tmp_path / "model", {})
    load_encoder(name, precision="float32")
    towers = find(name)
    assert towers is not None
    prefer(towers, "float32")
    photos = tmp_path / "photos"
    photos.mkdir()
    for photo in PHOTOS:
        shutil.copy(photo, photos)
    with open_library(tmp_path / "library", create=True) as library:
        index_folder(library, photos, encoder=name)
        before = _vectors(library)
        flip(library.space().images.path, 3)

    with open_library(tmp_path / "library") as library:
        library.search(photos / PHOTOS[0].name)
        assert library.encoders.whole(library.space()).precision == "int8"
        mended = library.check(repair=True)
        assert (mended.repaired, mended.faults) == (len(PHOTOS), ())
        after = _vectors(library)
    assert after.keys() == before.keys()
    for path, vector in before.items():
        np.testing.assert_array_equal(after[path], vector)
