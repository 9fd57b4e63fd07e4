"""How `searchengine/labels/background.txt` was made: ImageNet's names and what they are kinds of.

    python training/background.py /usr/share/wordnet/data.noun > searchengine/labels/background.txt

The names are open_clip's, their synsets timm's list, the words WordNet 3.0's (Debian's package
`wordnet-base`): the other words of a synset and those of all above it, the nearest first.
"""

from __future__ import annotations

import re
import sys
from importlib.resources import files
from pathlib import Path

from open_clip import IMAGENET_CLASSNAMES

TOO_WIDE = {
    "abstract entity", "abstraction", "amount", "animate thing", "artefact", "artifact",
    "attribute", "being", "causal agency", "causal agent", "cause", "chordate", "communication",
    "entity", "event", "group", "grouping", "instrumentality", "instrumentation", "living thing",
    "matter", "measure", "object", "organism", "part", "physical entity", "physical object",
    "portion", "psychological feature", "quantity", "relation", "state", "substance", "thing",
    "unit", "whole",
}  # fmt: skip
"""Words that nobody looks for photos by."""

Synsets = dict[str, tuple[list[str], list[str]]]


def read_nouns(path: Path) -> Synsets:
    """Words and hypernyms of each synset (wndb(5WN))."""
    found: Synsets = {}
    for line in path.read_text("utf-8").splitlines():
        if line.startswith("  "):
            continue  # the licence
        fields = line.split("|")[0].split()
        count = int(fields[3], 16)
        words = [re.sub(r"\(.*\)", "", fields[4 + 2 * n]).replace("_", " ") for n in range(count)]
        pointers = fields[5 + 2 * count :]
        kinds = [
            pointers[4 * n + 1]
            for n in range(int(fields[4 + 2 * count]))
            if pointers[4 * n] in ("@", "@i")
        ]
        found[fields[0]] = words, kinds
    return found


def words_above(synset: str, nouns: Synsets) -> list[str]:
    """The words of a synset and of all that is above it, the nearest first."""
    found: dict[str, None] = {}
    level, seen = [synset], set()
    while level:
        above: list[str] = []
        for each in level:
            if each not in seen:
                seen.add(each)
                words, kinds = nouns[each]
                found.update(dict.fromkeys(words))
                above += kinds
        level = above
    return [word for word in found if word.lower() not in TOO_WIDE]


def main() -> None:
    """Print the file."""
    nouns = read_nouns(Path(sys.argv[1]))
    synsets = (files("timm.data") / "_info" / "imagenet_synsets.txt").read_text().split()
    lines: dict[str, dict[str, None]] = {}
    for name, synset in zip(IMAGENET_CLASSNAMES, synsets, strict=True):
        words = [w for w in words_above(synset[1:], nouns) if w.lower() != name.lower()]
        lines.setdefault(name, {}).update(dict.fromkeys(words))
    for name, words in lines.items():
        print(f"{name}\t{'; '.join(words)}")


if __name__ == "__main__":
    main()
