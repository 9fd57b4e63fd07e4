"""The English words and names that searches know: searchengine/texts/{lexicon,names}.txt.gz.

    python training/lexicon.py --wordnet /usr/share/wordnet --coco captions_val2017.json

The words of WordNet 3.0 (Debian package wordnet-base) that are one word of small letters, without
those that WordNet lists as the name of one thing alone, and every word of three or more captions of
COCO, each with how many captions have it. WordNet's words come with their plain forms of plural and
tense where captions have those; no other counts go in. Lines "word count", count 0 left out. The
names are the words with a capital of WordNet's names, in small letters, of four letters and more.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
from collections import Counter
from pathlib import Path

ROOM = Path(__file__).parents[1] / "searchengine" / "texts"
TARGET, NAMES = ROOM / "lexicon.txt.gz", ROOM / "names.txt.gz"
LEAST_LETTERS = 4
"""Of a name: shorter words are never put right."""
LEAST_CAPTIONS = 3
"""Of COCO that have a word: in fewer it is often misspelt."""
WORD = re.compile(r"[a-z]+")


def main() -> None:
    """Write the list."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--wordnet", type=Path, required=True)
    parser.add_argument("--coco", type=Path, required=True, help="COCO captions, as JSON")
    asked = parser.parse_args()
    captions = json.loads(asked.coco.read_text("utf-8"))["annotations"]
    counts: Counter[str] = Counter()
    for caption in captions:
        counts.update(set(WORD.findall(caption["caption"].lower())))
    words = {word for word in wordnet_words(asked.wordnet) if len(word) > 2}
    words |= {word for word, count in counts.items() if count >= LEAST_CAPTIONS}
    lines = [f"{word} {counts[word] or ''}".strip() for word in sorted(words)]
    TARGET.write_bytes(gzip.compress("\n".join(lines).encode("ascii"), mtime=0))
    print(f"{len(lines):,} words, {TARGET.stat().st_size:,} bytes")
    names = sorted(wordnet_names(asked.wordnet) - words)
    NAMES.write_bytes(gzip.compress("\n".join(names).encode("ascii"), mtime=0))
    print(f"{len(names):,} names, {NAMES.stat().st_size:,} bytes")


def wordnet_names(directory: Path) -> set[str]:
    """Words of lemmas that stand with a capital, in small letters."""
    found: set[str] = set()
    for kind in ("noun", "adj"):
        for line in (directory / f"data.{kind}").read_text("ascii").splitlines():
            if not line.startswith(" "):
                lemmas = re.findall(r"(?<= )([A-Za-z_'.-]+)(?:\((?:a|p|ip)\))? [0-9a-f](?= )", line)
                found.update(part for lemma in lemmas for part in re.split(r"[^A-Za-z]", lemma))
    return {word.lower() for word in found if len(word) >= LEAST_LETTERS and word != word.lower()}


def wordnet_words(directory: Path) -> set[str]:
    """Lemmas of one word that stand in small letters somewhere, and their irregular forms."""
    found: set[str] = set()
    for kind in ("noun", "verb", "adj", "adv"):
        for line in (directory / f"data.{kind}").read_text("ascii").splitlines():
            if not line.startswith(" "):
                found |= set(re.findall(r"(?<= )([a-z]+)(?:\((?:a|p|ip)\))? [0-9a-f](?= )", line))
        for line in (directory / f"{kind}.exc").read_text("ascii").splitlines():
            found |= {form for form in line.split() if WORD.fullmatch(form)}
    return found


if __name__ == "__main__":
    main()
