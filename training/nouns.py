"""The nouns that texts are measured against: searchengine/relevance/nouns.txt, and their vectors.

    python training/nouns.py --wordnet /usr/share/wordnet

1,000 nouns of one or two words drawn from WordNet 3.0 (Debian package wordnet-base): things that
can be in a picture, by WordNet's kinds of nouns, and no names. What WordNet calls an insult is left
out. Their vectors by the starter go into starter_nouns.safetensors beside, in float16, with the
fingerprint of its weights: to be made again with every new starter.
"""

from __future__ import annotations

import argparse
import random
import re
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from searchengine.encoders.loading import load_for_queries
from searchengine.relevance.nouns import ENCODED_AT_A_TIME, NOUNS, STARTER_NOUNS, digest_of

DRAWN = 1_000
KINDS = {
    "05": "animal", "06": "artifact", "08": "body", "11": "event", "13": "food",
    "15": "location", "17": "object", "18": "person", "19": "phenomenon", "20": "plant",
}  # fmt: skip
"""WordNet's lexicographer files of what can be seen (lexnames(5WN))."""

NOUN = re.compile(r"[a-z]{3,}(?:_[a-z]+)?")
UNWANTED = re.compile(r"offens|dispar|derog|slur|slang|vulgar|obscen|insult|ethnic|contempt|sexual")


def main() -> None:
    """Write the list and its vectors."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--wordnet", type=Path, required=True)
    found = nouns_of(parser.parse_args().wordnet)
    drawn = sorted(random.Random(0).sample(sorted(found), DRAWN))
    NOUNS.write_text("\n".join(drawn) + "\n", "ascii")
    encoder = load_for_queries("starter")
    parts = [drawn[n : n + ENCODED_AT_A_TIME] for n in range(0, DRAWN, ENCODED_AT_A_TIME)]
    vectors = np.concatenate([encoder.encode_texts(part) for part in parts])
    save_file(
        {"nouns": vectors.astype(np.float16)},
        STARTER_NOUNS,
        metadata={"fingerprint": encoder.fingerprint, "list": digest_of(drawn)},
    )
    print(f"{len(found):,} nouns, {DRAWN:,} drawn, {STARTER_NOUNS.stat().st_size:,} bytes")


def nouns_of(directory: Path) -> set[str]:
    """The nouns of `KINDS` that are no names and no insults, with spaces between words."""
    found: set[str] = set()
    unwanted: set[str] = set()
    for line in (directory / "data.noun").read_text("ascii").splitlines():
        if line.startswith(" "):
            continue
        facts, _, gloss = line.partition(" | ")
        fields = facts.split(" ")
        words = {
            word for word in fields[4 : 4 + 2 * int(fields[3], 16) : 2] if NOUN.fullmatch(word)
        }
        if UNWANTED.search(gloss):
            unwanted |= words
        elif fields[1] in KINDS and "@i" not in fields:
            found |= words
    return {word.replace("_", " ") for word in found - unwanted}


if __name__ == "__main__":
    main()
