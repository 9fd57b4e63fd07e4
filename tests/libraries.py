"""What every valid library obeys, checked against SQLite and the files themselves."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np
from PIL import Image

from searchengine.encoder import Encoder


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
        np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1.0, atol=5e-3)
        owned = [image for _, image in records if image is not None]
        assert len(owned) == len(set(owned)), "an image has two vectors in a space"
        if encoder is not None and encoder.name == name and owned:
            alive = rows[[row for row, image in records if image is not None]]
            expected = encoder.encode_images([Image.open(image) for image in owned])
            np.testing.assert_allclose(alive, expected, atol=2e-3)
    catalog.close()
    return len(paths)
