"""What stored captions are worth in a search: R@K with one a photo stored and the others asking.

    python -m benchmarks.captions ../shared/data/flickr8k_dev/dataset_flickr8k.json
    python -m benchmarks.captions DATASET --images DIR --shares 1 0.3 --draws 5 --json figures.json

Indexes the photos of a caption file with an encoder, stores one caption for a share of them, and
searches the library with all the others, as `clipseek search` does. Each draw takes other photos,
and another of their captions. Fails where captions are worth less than `LEAST`, or cost photos
without one more than `MOST_LOST`.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from indexers import pipeline
from searchengine import open_library
from searchengine.datasets.dataset import read_dataset
from searchengine.datasets.images import find_images
from searchengine.encoders.interface import Encoder, TextEncoder
from searchengine.encoders.openclip.encoder import load_encoder
from searchengine.library.library import Library
from searchengine.retrieval.query import Kind, Query, Source
from searchengine.spaces.space import Space
from searchengine.types import Vectors
from tests.conftest import Watcher

K = 10
LEAST = {1.0: 44.0, 0.3: 42.0}
"""R@1 in % of photos with a caption, by the share that has one."""
MOST_LOST = 0.5
"""Points of R@1 that photos without a caption may lose where three of ten have one."""
CAPTIONED, BARE = "with a caption", "without"
"""The kinds of photos of a library."""

Photo: TypeAlias = tuple[Path, Sequence[str]]
"""Its file and its captions."""

Vector: TypeAlias = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Line:
    """R@1 and R@10 in % over all draws of a share; the queries are the captions not stored."""

    share: float
    photos: str
    queries: int
    before: float
    """R@1 without any caption stored."""
    r1: float
    r10: float


def main() -> None:
    """Measure, print, and fail where it is less than was promised."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("captions", type=Path, help="a caption file, its images beside it")
    parser.add_argument("--images", type=Path, help="where they are instead")
    parser.add_argument("--model", default="starter")
    parser.add_argument("--shares", type=float, nargs="+", default=[1.0, 0.3])
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    images = [image for image in read_dataset(asked.captions).images if len(image.captions) > 1]
    files = find_images(images, asked.images, asked.captions)
    photos = [
        (Path(file).resolve(), image.captions[:5])
        for file, image in zip(files, images, strict=True)
        if file is not None
    ]
    with tempfile.TemporaryDirectory(prefix="clipseek-") as place:
        lines = measure(photos, asked.model, Path(place), asked.shares, asked.draws)
    print(f"{len(photos):,} photos, {asked.draws} draws, {asked.model}; R@K in %")
    print("| share | photos | queries | R@1 before | R@1 | R@10 |\n|--:|---|--:|--:|--:|--:|")
    for line in lines:
        print(
            f"| {line.share:.0%} | {line.photos} | {line.queries:,} | {line.before:.1f} | "
            f"{line.r1:.1f} | {line.r10:.1f} |"
        )
    if asked.json:
        asked.json.write_text(json.dumps([asdict(line) for line in lines]))
    failed = [line for line in lines if is_too_little(line)]
    raise SystemExit(f"less than promised: {failed}" if failed else 0)


def is_too_little(line: Line) -> bool:
    """Whether a line falls short of what is promised of its share."""
    if line.photos == CAPTIONED:
        return line.r1 < LEAST.get(line.share, 0.0)
    return round(line.before - line.r1, 6) > MOST_LOST  # shares of a few hundred photos


def measure(
    photos: Sequence[Photo], model: str, place: Path, shares: Sequence[float], draws: int
) -> list[Line]:
    """A line for each share and kind of photo."""
    encoder = load_encoder(model)
    with open_library(place / "plain", create=True, load=lambda _: encoder) as library:
        pipeline.index(
            library,
            sorted({path.parent for path, _ in photos}),
            encoder=model,
            load=lambda: encoder,
            observer=Watcher(),
        )
    texts = [text for _, captions in photos for text in captions]
    vectors = dict(zip(texts, encoded(encoder, texts), strict=True))
    lines: list[Line] = []
    for share in shares:
        found: dict[str, list[tuple[int, int]]] = {CAPTIONED: [], BARE: []}
        for draw in range(draws):
            random = np.random.default_rng(draw)
            stored = random.permutation(len(photos))[: round(share * len(photos))].tolist()
            path = shutil.copytree(place / "plain", place / f"{share}-{draw}")
            with open_library(path, load=lambda _: encoder) as library:
                library.encoders = KnownTexts(encoder, vectors)
                plain = ranks(library, photos, draw)
                library.add_captions(
                    [
                        (str(photos[each][0]), photos[each][1][draw % len(photos[each][1])])
                        for each in stored
                    ]
                )
                fused = ranks(library, photos, draw)
            for number, pairs in plain.items():
                kind = CAPTIONED if number in set(stored) else BARE
                found[kind] += zip(pairs, fused[number], strict=True)
        lines += [line_of(share, kind, pairs) for kind, pairs in found.items() if pairs]
    return lines


def ranks(library: Library, photos: Sequence[Photo], draw: int) -> dict[int, list[int]]:
    """The rank of each photo for each of its captions but the one of the draw; K + 1 beyond K."""
    found: dict[int, list[int]] = {}
    for number, (path, captions) in enumerate(photos):
        found[number] = []
        for place, text in enumerate(captions):
            if place != draw % len(captions):
                hits = library.search(Query((Source(Kind.TEXT, text),)), k=K)
                paths = [hit.path for hit in hits]
                found[number].append(paths.index(path) + 1 if path in paths else K + 1)
    return found


class KnownTexts:
    """A `SpaceEncoders` that encodes no text twice."""

    def __init__(self, encoder: Encoder, known: dict[str, Vector]) -> None:
        self._encoder, self._known = encoder, known
        self.name, self.dim, self.fingerprint = encoder.name, encoder.dim, encoder.fingerprint

    def whole(self, space: Space) -> Encoder:
        """The one there is."""
        return self._encoder

    def for_rows(self, space: Space) -> Encoder:
        """The same."""
        return self._encoder

    def for_texts(self, space: Space) -> TextEncoder:
        """Itself."""
        return self

    def use(self, encoder: Encoder, spaces: Iterable[Space]) -> None:
        """It is used already."""

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """Unit rows, shape (n, d)."""
        unknown = [text for text in dict.fromkeys(texts) if text not in self._known]
        if unknown:
            vectors = encoded(self._encoder, unknown)
            self._known.update(zip(unknown, vectors, strict=True))
        return np.stack([self._known[text] for text in texts])


def line_of(share: float, photos: str, pairs: Sequence[tuple[int, int]]) -> Line:
    """The line of ranks before and after."""
    before, after = np.array(pairs).T
    r1, r10 = (after <= 1).mean(), (after <= K).mean()
    return Line(share, photos, len(pairs), 100 * (before <= 1).mean(), 100 * r1, 100 * r10)


def encoded(encoder: Encoder, texts: Sequence[str]) -> Vectors:
    """Unit rows, shape (n, d)."""
    return np.concatenate(
        [encoder.encode_texts(texts[n : n + 256]) for n in range(0, len(texts), 256)]
    )


if __name__ == "__main__":
    main()
