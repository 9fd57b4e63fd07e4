"""The English words that searches know: searchengine/texts/lexicon.txt.gz.

    python training/lexicon.py --wordnet /usr/share/wordnet --coco captions_val2017.json

The words of WordNet 3.0 (Debian package wordnet-base) that are one word of small letters, without
those that WordNet lists as the name of one thing alone, and every word of three or more captions of
COCO, each with how many captions have it. WordNet's words come with their plain forms of plural and
tense where captions have those; no other counts go in. Lines "word count", count 0 left out.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
from collections import Counter
from pathlib import Path

TARGET = Path(__file__).parents[1] / "searchengine" / "texts" / "lexicon.txt.gz"
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
