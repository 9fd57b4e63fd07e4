"""Answers of an evaluation in files that others read: TREC's runs and qrels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from searchengine.datasets.dataset import CaptionedImage
from searchengine.errors import InputError, reason_of
from searchengine.types import Vectors
from searchengine.vectors.scan_torch import best_rows

DEPTH = 100
"""Answers of each query in a run."""

AT_A_TIME = 4_096
"""Queries ranked at a time."""

TAG = "clipseek"


def write_trec(
    directory: Path,
    images: Sequence[CaptionedImage],
    rows: Vectors,
    texts: Vectors,
    owners: NDArray[np.int64],
    further: Sequence[str] = (),
    *,
    device: str = "cpu",
) -> None:
    """Write NAME.run with the first `DEPTH` answers, and NAME.qrels, for both directions.

    `rows` are of `images` and then of those `further` is called by, `texts` of the captions, which
    belong to `owners`. Ids are what the caption file calls images and captions, without spaces.
    Raises InputError where a file cannot be written.
    """
    names = [*(quote(image.key, safe="/") for image in images), *map(quote, further)]
    captions = [
        quote(image.caption_ids[turn] if image.caption_ids else f"{image.key}#{turn}", safe="/#")
        for image in images
        for turn in range(len(image.captions))
    ]
    places = owners.tolist()
    pairs = [(captions[row], names[owner]) for row, owner in enumerate(places)]
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for name, asking, ids, gallery, answers, right in (
            ("image_retrieval", texts, captions, rows, names, pairs),
            ("text_retrieval", rows[: len(images)], names, texts, captions,
             [(image, caption) for caption, image in pairs]),
        ):  # fmt: skip
            with (directory / f"{name}.qrels").open("w", encoding="utf-8") as file:
                file.writelines(f"{query} 0 {answer} 1\n" for query, answer in right)
            with (directory / f"{name}.run").open("w", encoding="utf-8") as file:
                file.writelines(_run(asking, ids, gallery, answers, device))
    except OSError as error:
        raise InputError(f"cannot write into {directory}: {reason_of(error)}") from error


def _run(
    asking: Vectors, ids: Sequence[str], gallery: Vectors, answers: Sequence[str], device: str
) -> Iterator[str]:
    for first in range(0, len(asking), AT_A_TIME):
        scores, found = best_rows(gallery, asking[first : first + AT_A_TIME], DEPTH, device=device)
        for number, (line, best) in enumerate(zip(found.tolist(), scores.tolist(), strict=True)):
            for rank, (row, score) in enumerate(zip(line, best, strict=True), start=1):
                yield f"{ids[first + number]} Q0 {answers[row]} {rank} {score:.7f} {TAG}\n"
