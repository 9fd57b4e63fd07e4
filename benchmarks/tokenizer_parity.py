"""Ids of tokenizers from tokenizer.json beside those of open_clip through transformers.

    python -m benchmarks.tokenizer_parity ../shared/data/pack/text [--lines 10000]

Takes lines of every text file in the folder evenly, and the tests' lines of mixed scripts.
Tokenizers are those of the tests unless --tokenizer names a directory with the files of another.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from searchengine.encoders.pieces.tokenizer import PieceTokenizer
from tests.support.tokenizers import KINDS, MIXED, make_tokenizer


def lines_of(folder: Path, most: int) -> list[str]:
    """Lines spread evenly over the text files of the folder."""
    found = [
        line
        for file in sorted(folder.glob("*.txt"))
        for line in file.read_text(encoding="utf-8").splitlines()
    ]
    return found[:: max(1, len(found) // most)][:most]


def main() -> None:
    from open_clip.tokenizer import HFTokenizer

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--lines", type=int, default=10_000)
    parser.add_argument("--tokenizer", type=Path)
    parser.add_argument("--clean", default="canonicalize")
    asked = parser.parse_args()
    lines = [*lines_of(asked.folder, asked.lines), *MIXED]
    with tempfile.TemporaryDirectory() as beside:
        cases = {kind: make_tokenizer(Path(beside) / kind, kind, 64) for kind in KINDS}
        if asked.tokenizer:
            wishes = {"clean": asked.clean}
            cases = {str(asked.tokenizer): {"context_length": 64, "tokenizer_kwargs": wishes}}
        for kind, config in cases.items():
            directory = asked.tokenizer or Path(beside) / kind
            theirs = HFTokenizer(str(directory), context_length=64, **config["tokenizer_kwargs"])
            start = time.process_time()
            ours = PieceTokenizer(directory, config)
            ours.ids("a text")
            loaded = time.process_time() - start
            wrong = [
                line
                for line, mine, other in zip(
                    lines, ours.rows(lines), theirs(lines).tolist(), strict=True
                )
                if mine != other
            ]
            print(f"{kind}: {len(lines):,} lines, {len(wrong)} differ, loaded in {loaded:.2f} s")
            for line in wrong[:3]:
                print(f"  {line!r}")


if __name__ == "__main__":
    main()
