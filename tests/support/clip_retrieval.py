"""A folder as `clip-retrieval inference` writes it (2.45, writer.py), filled for tests."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np


def write_files(
    folder: Path,
    name: str,
    paths: Sequence[object],
    rows: np.ndarray,
    captions: Sequence[object] | None = None,
    of_captions: np.ndarray | None = None,
) -> None:
    """`img_emb/img_emb_NAME.npy` with float16 rows, and its table; `text_emb` where rows are."""
    import pyarrow
    import pyarrow.parquet

    for part in ("img_emb", "metadata"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    np.save(folder / "img_emb" / f"img_emb_{name}.npy", rows.astype(np.float16))
    if of_captions is not None:
        (folder / "text_emb").mkdir(exist_ok=True)
        np.save(folder / "text_emb" / f"text_emb_{name}.npy", of_captions.astype(np.float16))
    columns: dict[str, list[object]] = {
        "image_path": [path if path is None else str(path) for path in paths]
    }
    if captions is not None:
        columns["caption"] = list(captions)
    table = pyarrow.table(columns)
    pyarrow.parquet.write_table(table, folder / "metadata" / f"metadata_{name}.parquet")
