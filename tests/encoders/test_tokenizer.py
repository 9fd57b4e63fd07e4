"""The light tokenizer gives open_clip's ids, whatever the text."""

from __future__ import annotations

import csv
import json
import random
import subprocess
import sys
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from searchengine.encoders.text import tokenizer as bpe
from searchengine.encoders.text.tokenizer import ClipTokenizer
from searchengine.texts.everyday import everyday_texts
from tests.support.places import ROOT

CONTEXTS = (8, 32, 77)
TRICKY = [
    "",
    " ",
    "\n\t a  dog \r\n and\x0ba cat\x1c!",
    "Don't you'll I'VE we're it'd I'm 'street' rock'n'roll 's",
    "AT&T &amp; &lt;b&gt; &amp;amp; &eacute;t&eacute; &#128512; & &bogus; <b>R&amp;D</b>",
    "<start_of_text> a <end_of_text> b <END_OF_TEXT>",
    "</w> a</w> i n in</w>",
    "3 dogs, 27 cats & 1,234.5 birds: $9.99 (50%)",
    "snake_case under__score --- ... !!!!???",
    "café naïve Ångström Straße ŒUVRE ﬁne ﬂight",
    "schÃ¶n â€œquotedâ€\x9d it\u2019s",  # encoding mistakes, which ftfy mends
    "東京の夜景 서울의 밤 мороз שלום مرحبا नमस्ते ไทย",
    "🌃👨‍👩‍👧‍👦🏳️‍🌈 a 😀dog",
    "\u017fharp \u212aelvin İstanbul ΑΣ ½ ² Ⅷ ٣",
    "e\u0301 \u200b\u200d\ufeff\u00ad\u2028x\u00a0y\u3000z",
    "\x00\x07\x1b[31mred\x1b[0m\x7f",
    "\ud800 lone \udcff surrogates",
    "word " * 200,
    "a" * 500,
    "supercalifragilisticexpialidocious antidisestablishmentarianism",
]


@pytest.fixture(scope="module")
def oracle() -> Any:
    return pytest.importorskip("open_clip").tokenizer.SimpleTokenizer()


@pytest.fixture(scope="module")
def light() -> ClipTokenizer:
    return ClipTokenizer(77)


def _expected(oracle: Any, text: str, context: int) -> list[int]:
    row: list[int]
    [row] = oracle([text], context_length=context).tolist()
    return row


def _padded(ids: list[int], context: int) -> list[int]:
    assert len(ids) <= context
    return ids + [0] * (context - len(ids))


@pytest.mark.parametrize("text", TRICKY, ids=lambda text: ascii(text[:20]))
def test_tricky_texts(oracle: Any, text: str) -> None:
    for context in CONTEXTS:
        light = ClipTokenizer(context)
        assert _padded(light.ids(text), context) == _expected(oracle, text, context)


def test_every_text_that_is_at_hand(oracle: Any, light: ClipTokenizer) -> None:
    texts = [*everyday_texts(), *(ROOT / "README.md").read_text(encoding="utf-8").splitlines()]
    for path in (ROOT / "sample_data" / "captions.csv", ROOT / "tests" / "data" / "probes.csv"):
        with path.open(encoding="utf-8", newline="") as file:
            texts += [cell for row in csv.reader(file) for cell in row]
    assert len(texts) > 1_000
    rows = oracle(texts).tolist()
    for text, row in zip(texts, rows, strict=True):
        assert _padded(light.ids(text), 77) == row, text


@settings(max_examples=150)
@given(text=st.text(max_size=60) | st.text("abcdefgh 'stvremld0129&#;<>_-", max_size=60))
def test_any_text(oracle: Any, light: ClipTokenizer, text: str) -> None:
    assert _padded(light.ids(text), 77) == _expected(oracle, text, 77)


class _Counted(dict[str, int]):
    """Ranks that count how often they are asked."""

    asked = 0

    def get(self, *arguments: Any) -> Any:
        self.asked += 1
        return super().get(*arguments)


def test_a_word_takes_no_square_of_its_letters(light: ClipTokenizer) -> None:
    """Of 30,000 letters, whose every pair was looked up for each merge."""
    word = "".join(random.Random(1).choices("abcdefghijklmnopqrstuvwxyz", k=30_000))
    counted = ClipTokenizer(40_000)
    counted._ranks = ranks = _Counted(light._ranks)
    parts = counted.ids(word)
    assert ranks.asked < 4 * len(word)
    letters = {number: part for part, number in counted._ids.items()}
    assert "".join(letters[part] for part in parts[1:-1]) == word + bpe.WORD_END


def test_every_merge_comes_after_those_it_is_made_of(light: ClipTokenizer) -> None:
    """So a pair that a merge gives is never due before it."""
    ranks = {pair.replace(" ", ""): rank for pair, rank in light._ranks.items()}
    for pair, rank in light._ranks.items():
        assert all(ranks.get(part, -1) < rank for part in pair.split(" ")), pair


def test_no_two_merges_give_the_same_token(light: ClipTokenizer) -> None:
    """The ids are counted by merges, where open_clip looks the joined token up."""
    joined = [pair.replace(" ", "") for pair in light._ranks]
    assert len(set(joined)) == len(joined) == bpe.MERGES
    assert all(first < second for first, second in pairwise(light._ranks.values()))


def test_plain_english_imports_nothing_for_other_alphabets() -> None:
    code = (
        "import sys, json; from searchengine.encoders.text.tokenizer import ClipTokenizer;"
        "ClipTokenizer(77).ids(\"It's a dog & 2 cats\".replace('& ', ''));"
        "print(json.dumps(sorted(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert not {"ftfy", "regex", "torch", "open_clip", "numpy"} & set(json.loads(done.stdout))


def test_without_open_clip_there_is_no_vocabulary(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(FileNotFoundError, match="open_clip is not installed"):
        ClipTokenizer(77)
