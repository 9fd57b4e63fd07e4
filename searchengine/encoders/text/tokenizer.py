"""CLIP's tokenizer without torch: the same ids as open_clip's `SimpleTokenizer`.

Byte pair encoding over the UTF-8 bytes of lower-case words (Sennrich et al., 2016, "Neural Machine
Translation of Rare Words with Subword Units"), with the merges that open_clip ships. Follows
open_clip/tokenizer.py at its default settings. What only other alphabets need is imported when
there is text in one.
"""

from __future__ import annotations

import gzip
import importlib.util
import re
from collections.abc import Iterator, Sequence
from heapq import heapify, heappop, heappush
from itertools import islice
from pathlib import Path
from typing import Protocol

from searchengine.encoders import cleaning

MERGES_FILE = "bpe_simple_vocab_16e6.txt.gz"
MERGES = 48_894
"""Lines of the file that CLIP uses: 49,408 ids, less 256 bytes, 256 that end a word, and two."""

START, END = "<start_of_text>", "<end_of_text>"
WORD_END = "</w>"

VOCABULARY = 512 + MERGES + 2
"""Ids: bytes, bytes that end a word, merges, START and END. END is the highest."""

_WORDS = rf"{START}|{END}|'s|'t|'re|'ve|'m|'ll|'d|"
_ASCII_WORDS = re.compile(_WORDS + r"[a-z]+|[0-9]|[^\sa-z0-9]+")
_ALL_WORDS = _WORDS + r"[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"


class Tokenizer(Protocol):
    """Texts to ids."""

    @property
    def context(self) -> int:
        """The most ids of a text."""

    def rows(self, texts: Sequence[str]) -> list[list[int]]:
        """The ids of each text, `context` at most."""


class ClipTokenizer:
    """Texts to the ids of CLIP's vocabulary."""

    def __init__(self, context: int) -> None:
        """`context` is the most ids of a text. Raises OSError where open_clip's file is missing."""
        self.context = context
        with gzip.open(_merges_path(), "rt", encoding="utf-8", newline="\n") as lines:
            listed = islice(lines, 1, MERGES + 1)  # the first line names the file's version
            self._ranks = {line[:-1]: rank for rank, line in enumerate(listed)}
        self._letters = _letters()
        in_order = [self._letters[byte] for byte in _BYTES]
        ends = [letter + WORD_END for letter in in_order]
        self._ids = {letter: number for number, letter in enumerate(in_order + ends)}
        self._words = {START: [VOCABULARY - 2], END: [VOCABULARY - 1]}

    def ids(self, text: str) -> list[int]:
        """START, the text's ids, END: `context` at most, of a longer text the first ones."""
        inner = islice(self._inner_ids(text), self.context - 2)
        return [*self._words[START], *inner, *self._words[END]]

    def rows(self, texts: Sequence[str]) -> list[list[int]]:
        """The ids of each text."""
        return [self.ids(text) for text in texts]

    def _inner_ids(self, text: str) -> Iterator[int]:
        for word in _split(cleaning.lower(text)):
            if word not in self._words:
                self._words[word] = self._word_ids(word)
            yield from self._words[word]

    def _word_ids(self, word: str) -> list[int]:
        """The pair that was merged first in training is merged first, until there is none.

        Each merge looks at its neighbours alone, so that a word of any length takes no time that
        grows with its square. What a pair gives is in later merges only: none comes too late.
        """
        parts: list[str | None] = [self._letters[byte] for byte in word.encode()]
        parts[-1] = f"{parts[-1]}{WORD_END}"
        before, after = list(range(-1, len(parts) - 1)), list(range(1, len(parts) + 1))
        waiting = [
            entry for at in range(len(parts) - 1) if (entry := self._pair(parts, at, at + 1))
        ]
        heapify(waiting)
        while waiting:
            rank, at, first, second = heappop(waiting)
            next_ = after[at]
            if parts[at] != first or next_ == len(parts) or parts[next_] != second:
                continue  # one of the two was merged meanwhile
            parts[at], parts[next_] = first + second, None
            self._ids[first + second] = 512 + rank  # no two merges give the same
            after[at] = after[next_]
            if after[at] < len(parts):
                before[after[at]] = at
            for left in (before[at], at):
                right = after[left] if left >= 0 else len(parts)
                if right < len(parts) and (entry := self._pair(parts, left, right)):
                    heappush(waiting, entry)
        return [self._ids[part] for part in parts if part is not None]

    def _pair(
        self, parts: Sequence[str | None], at: int, next_: int
    ) -> tuple[int, int, str, str] | None:
        """The rank of a pair, its place and its parts; None where it is none of the merges."""
        first, second = str(parts[at]), str(parts[next_])
        rank = self._ranks.get(f"{first} {second}")
        return None if rank is None else (rank, at, first, second)


def _split(text: str) -> Iterator[str]:
    """The words, digits and runs of signs in a clean text."""
    if text.isascii():
        return (match[0] for match in _ASCII_WORDS.finditer(text))
    import regex  # knows the letters and numbers of all alphabets

    return (match[0] for match in regex.finditer(_ALL_WORDS, text, regex.IGNORECASE))


_PRINTABLE = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
_BYTES = [*_PRINTABLE, *(byte for byte in range(256) if byte not in _PRINTABLE)]
"""The order of the bytes among the ids."""


def _letters() -> dict[int, str]:
    """A printable character for each byte, as GPT-2 has it: itself, or one from 256 on."""
    unprintable = _BYTES[len(_PRINTABLE) :]
    return {byte: chr(byte) for byte in _PRINTABLE} | {
        byte: chr(256 + number) for number, byte in enumerate(unprintable)
    }


def _merges_path() -> Path:
    """Where open_clip ships its merges, found without importing it, which takes seconds."""
    spec = importlib.util.find_spec("open_clip")
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError(f"{MERGES_FILE}: open_clip is not installed")
    return Path(spec.submodule_search_locations[0]) / MERGES_FILE
