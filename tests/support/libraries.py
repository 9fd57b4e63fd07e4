"""Libraries for tests: what every valid one obeys, and some that are made without any encoding."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from searchengine import open_library
from searchengine.catalog.records import Batch
from searchengine.encoders.interface import Encoder, TextEncoder
from searchengine.spaces.names import space_name
from searchengine.types import FileState, ImageEntry, ImageFacts


def check_library(path: Path, encoder: Encoder | None = None) -> int:
    """Assert the invariants of the library on disk; returns how many images it lists.

    Looks at the files without the program's own code. With an encoder, every vector is compared
    with the one its image has now.
    """
    catalog = sqlite3.connect(f"file:{path / 'catalog.sqlite'}?mode=ro", uri=True)
    assert catalog.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert catalog.execute("PRAGMA foreign_key_check").fetchall() == []
    paths = [p for (p,) in catalog.execute("SELECT path FROM images")]
    assert len(paths) == len(set(paths)), "an image is listed twice"
    for space_id, name, dim in catalog.execute("SELECT id, name, dim FROM spaces").fetchall():
        file = path / "spaces" / name / "vectors.f16"
        vectors = np.fromfile(file, dtype=np.float16) if file.exists() else np.empty(0, np.float16)
        whole = len(vectors) // dim
        records = catalog.execute(
            "SELECT row, path FROM embeddings LEFT JOIN images ON id = owner_id "
            "WHERE space_id = ? ORDER BY row",
            (space_id,),
        ).fetchall()
        assert [row for row, _ in records] == list(range(len(records))), "a row has no record"
        assert len(records) <= whole, "a row points past the end of the vectors"
        rows = vectors[: whole * dim].reshape(whole, dim)[: len(records)].astype(np.float32)
        used = rows[[row for row, image in records if image is not None]]
        np.testing.assert_allclose(np.linalg.norm(used, axis=1), 1.0, atol=5e-3)
        owned = [image for _, image in records if image is not None]
        assert len(owned) == len(set(owned)), "an image has two vectors in a space"
        if encoder is not None and encoder.name == name and owned:
            expected = encoder.encode_images([Image.open(image) for image in owned])
            np.testing.assert_allclose(used, expected, atol=2e-3)
    catalog.close()
    return len(paths)


def list_files(path: Path, encoder: TextEncoder, files: Sequence[FileState], seed: int = 0) -> None:
    """Make a library that lists `files`, with random vectors in the encoder's space.

    The files may exist or not; nothing is decoded or encoded.
    """
    rows = np.random.default_rng(seed).normal(size=(len(files), encoder.dim)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    facts = ImageFacts(640, 480, "JPEG")
    entries = [
        ImageEntry(file, number.to_bytes(16, "big"), facts) for number, file in enumerate(files)
    ]
    with open_library(path, create=True) as library, library.writing() as writer:
        library.catalog.add_space(
            name=space_name(encoder.name),
            encoder=encoder.name,
            dim=encoder.dim,
            precision="float32",
            fingerprint=encoder.fingerprint,
        )
        space = library.space()
        space.directory.mkdir(parents=True)
        writer.commit(space, Batch(added=entries), rows)


def imagined_files(count: int) -> list[FileState]:
    """Files in folders of 1,000 that are not there."""
    return [
        FileState(f"/photos/{number // 1000:04}/IMG_{number:06}.jpg", 10**6 + number, 10**18)
        for number in range(count)
    ]
