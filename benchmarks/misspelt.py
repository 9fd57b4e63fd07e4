"""What misspelt words cost a search, and what putting them right brings back.

    python -m benchmarks.misspelt ../shared/data/flickr8k_dev/dataset_flickr8k.json

Captions of every other photo of a caption file ask for their photos among all of them: as they are,
with one or two typos in words that say something, and put right as `clipseek search` does, without
a library's own words. The other photos are those that the settings were chosen on (`--chosen`). A
typo is a letter left out, doubled or struck beside, one of a neighbouring key in its place, or two
letters swapped. Fails where less than `LEAST` of the loss comes back, or captions as they are
lose more than `MOST_LOST`.
"""

from __future__ import annotations

import argparse
import random
import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from searchengine.datasets.dataset import read_dataset
from searchengine.datasets.images import find_images
from searchengine.embedding.files import embed_files
from searchengine.encoders.loading import load_encoder
from searchengine.texts.lexicon import is_english
from searchengine.texts.spelling import LEAST_LETTERS, correct, nearest
from searchengine.types import Vectors
from tests.conftest import Watcher

K = 5
LEAST = 0.6
MOST_LOST = 0.1
"""Points of R@5."""
DRAWS = 500
"""Of the interval: photos are drawn with replacement."""

Found: TypeAlias = NDArray[np.bool_]
"""Whether each query found its photo."""

_NEIGHBOURS = (
    "wa qeas wrsd etdf ryfg tugh yihj uojk ipkl ol qwsz awedxz serfcx drtgvc ftyhbv gyujnb huikmn "
    "jiolm kop asx zsdc xdfv cfgb vghn bhjm njk"
)
KEYS: dict[str, str] = {
    key: _NEIGHBOURS.split()[place] for place, key in enumerate("qwertyuiopasdfghjklzxcvbnm")
}
"""The neighbours of each key."""


def main() -> None:
    """Measure, print, and fail where it is less than was promised."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("captions", type=Path, help="a caption file, its images beside it")
    parser.add_argument("--model", default="starter")
    parser.add_argument("--chosen", action="store_true", help="the photos of the choice instead")
    asked = parser.parse_args()
    images = read_dataset(asked.captions).images
    files = find_images(images, None, asked.captions)
    encoder = load_encoder(asked.model)
    pictures, _ = embed_files([Path(str(file)) for file in files], encoder, Watcher())
    chance = random.Random(0)
    which = [n for n in range(len(images)) if n % 2 == (0 if asked.chosen else 1)]
    clean = [text for n in which for text in images[n].captions[:5]]
    owner = np.array([n for n in which for _ in images[n].captions[:5]])

    def found(texts: Sequence[str]) -> Found:
        vectors: Vectors = np.concatenate(
            [encoder.encode_texts(texts[at : at + 256]) for at in range(0, len(texts), 256)]
        )
        scores = vectors @ pictures.T
        own = scores[np.arange(len(texts)), owner]
        found: Found = (scores > own[:, np.newaxis]).sum(axis=1) < K
        return found

    right = found(clean)
    touched = [text for text in clean if put_right(text) != text]
    print(f"{len(clean):,} captions of {len(which):,} photos; R@{K} clean {percent(right)}")
    kept = found([put_right(text) for text in clean])
    print(
        f"as they are: {len(touched)} touched, as many are misspelt; R@{K} then {percent(kept)}, "
        f"{gain(right, kept, owner)}"
    )
    shares = []
    for typos in (1, 2):
        typed = [mistyped(text, typos, chance) for text in clean]
        as_typed, corrected = found(typed), found([put_right(text) for text in typed])
        shares.append((corrected.mean() - as_typed.mean()) / (right.mean() - as_typed.mean()))
        print(
            f"{typos} typo(s): as typed {percent(as_typed)}, put right {percent(corrected)}, "
            f"gained {gain(as_typed, corrected, owner)}; {shares[-1]:.0%} of the loss is back"
        )
    words = [word for text in clean for word in re.findall("[a-z]{5,}", text)][:2_000]
    odd = [each for word in words if not is_english(each := mistyped(word, 1, chance))]
    started = time.process_time()
    for each in odd:
        nearest(each, no_words)
    print(f"{1e3 * (time.process_time() - started) / len(odd):.2f} ms a misspelt word")
    if min(shares) < LEAST or 100 * (right.mean() - kept.mean()) > MOST_LOST:
        raise SystemExit("less than was promised")


def put_right(text: str) -> str:
    """As `clipseek search` does, in a library that has no words of its own."""
    return correct(text, lambda _: False, no_words).text


def no_words(_letter: str) -> Mapping[str, int]:
    """The words of a library without any."""
    return {}


def mistyped(text: str, typos: int, chance: random.Random) -> str:
    """The text with typos in so many of its longer words, one each; of a sole word, two in it."""
    parts = re.findall(r"[A-Za-z]+|[^A-Za-z]+", text)
    long = [place for place, part in enumerate(parts) if len(part) >= LEAST_LETTERS]
    long = [place for place in long if parts[place].isalpha()]
    for place in chance.sample(long, min(typos, len(long))):
        parts[place] = with_typo(parts[place].lower(), chance)
    return "".join(parts)


def with_typo(word: str, chance: random.Random) -> str:
    """A word with one typo."""
    at = chance.randrange(len(word) - 1)
    before, letter, after = word[:at], word[at], word[at + 1 :]
    match chance.randrange(4):
        case 0:
            return before + after
        case 1:
            return before + letter + chance.choice(KEYS[letter] + letter) + after
        case 2:
            return before + chance.choice(KEYS[letter]) + after
        case _:
            return before + after[0] + letter + after[1:]


def percent(found: Found) -> str:
    return f"{100 * found.mean():.1f}"


def gain(
    before: Found,
    after: Found,
    owner: NDArray[np.int64],
) -> str:
    """Points gained, with a 95 % interval over the photos."""
    difference = after.astype(float) - before
    photos, index = np.unique(owner, return_inverse=True)
    sums = np.bincount(index, difference)
    counts = np.bincount(index)
    draws = np.random.default_rng(0).integers(len(photos), size=(DRAWS, len(photos)))
    means = 100 * sums[draws].sum(axis=1) / counts[draws].sum(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return f"{100 * difference.mean():+.1f} [{low:+.1f}, {high:+.1f}]"


if __name__ == "__main__":
    main()
