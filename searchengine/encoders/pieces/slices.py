"""A tokenizer kept as sorted arrays, of which a text loads the pieces that it can be made of.

Reading 256,000 pieces and their merges takes a second and a quarter of a gigabyte; a query needs a
few hundred. Byte pair encoding and unigram models look at nothing but pieces that are parts of the
text, so that a tokenizer of these alone gives the same ids. It is the library tokenizers that
computes them, with the normaliser, the special tokens and all else of the original.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from searchengine.encoders import cleaning
from searchengine.encoders.pieces.tokenizer import PieceTokenizer

if TYPE_CHECKING:
    from tokenizers import Tokenizer

Array = NDArray[Any]

MOST_PARTS = 20_000
"""Parts of texts that are looked up one by one: some 50 ms. For more, all pieces are loaded."""

_PREFIX = "tokenizer."
"""Of the names of the arrays, which may lie among others."""

_REFUSED = ("dropout", "continuing_subword_prefix", "end_of_word_suffix")
"""Of byte pair encoding: pieces would then be other than parts of the text."""


class SlicedTokenizer:
    """Texts to rows of ids of one length: those of the `PieceTokenizer` that it was made of."""

    def __init__(self, arrays: Mapping[str, Array], note: str) -> None:
        """As `sliced` gave them, mapped from a file or not. Raises ValueError or KeyError."""
        told = json.loads(note)
        self.context = int(told["context"])
        """Ids of a text, exactly."""
        self._frame: dict[str, Any] = told["frame"]
        self._clean = cleaning.WAYS[told["clean"]]
        self._blanked: int | None = told["blanked"]
        self._always: list[int] = told["always"]
        self._marks: list[str] = told["marks"]
        self._longest = int(told["longest"])
        self._arrays = {
            name.removeprefix(_PREFIX): array
            for name, array in arrays.items()
            if name.startswith(_PREFIX)
        }

    def ids(self, text: str) -> list[int]:
        """The ids of one text, `context` of them."""
        return self.rows([text])[0]

    def rows(self, texts: Sequence[str]) -> list[list[int]]:
        """The ids of texts, `context` of each."""
        cleaned = [self._clean(text) for text in texts]
        parts = self._parts(cleaned)
        if parts is None:
            tokens, real = self._whole
        else:
            tokens, real = self._made(sorted({*self._always, *self._found(parts)}))
        rows = [[real[token] for token in found.ids] for found in tokens.encode_batch(cleaned)]
        if self._blanked is not None:
            rows = [[0 if token == self._blanked else token for token in row] for row in rows]
        return rows

    def _parts(self, texts: Sequence[str]) -> list[str] | None:
        """What pieces may stand in texts; None where that is too much, or special tokens do."""
        normalizer, splitter = self._bare.normalizer, self._bare.pre_tokenizer
        parts: set[str] = set()
        for text in texts:
            whole = text if normalizer is None else normalizer.normalize_str(text)
            if any(mark in text or mark in whole for mark in self._marks):
                return None  # what is between them is normalised apart
            words = [whole]
            if splitter is not None:
                words = [word for word, _ in splitter.pre_tokenize_str(whole)]
            if sum(len(word) * min(len(word), self._longest) for word in words) > MOST_PARTS:
                return None
            for word in words:
                for start in range(len(word)):
                    stop = min(len(word), start + self._longest)
                    parts.update(word[start:end] for end in range(start + 1, stop + 1))
            if len(parts) > MOST_PARTS:
                return None
        return list(parts)

    def _found(self, parts: Sequence[str]) -> list[int]:
        """The numbers of the parts that are pieces."""
        hashes = np.array([zlib.crc32(_encoded(part)) for part in parts], dtype=np.uint32)
        sorted_hashes = self._arrays["hashes"]
        first = np.searchsorted(sorted_hashes, hashes, "left")
        last = np.searchsorted(sorted_hashes, hashes, "right")
        by_hash = self._arrays["by_hash"]
        return [
            number
            for place in np.flatnonzero(last > first).tolist()
            for number in by_hash[first[place] : last[place]].tolist()
            if self._piece(number) == parts[place]
        ]

    def _piece(self, number: int) -> str:
        start, stop = self._arrays["starts"][number : number + 2].tolist()
        return _decoded(self._arrays["letters"][start:stop].tobytes())

    def _made(self, chosen: Sequence[int]) -> tuple[Tokenizer, list[int]]:
        """A tokenizer of the chosen pieces, in ascending order, and what its ids are really."""
        from tokenizers import Tokenizer

        numbers = np.asarray(chosen, dtype=np.int64)
        pieces = [self._piece(number) for number in chosen]
        place = {piece: at for at, piece in enumerate(pieces)}
        model = dict(self._frame["model"])
        if model["type"] == "Unigram":
            scores = self._arrays["scores"][numbers].tolist()
            model["vocab"] = list(zip(pieces, scores, strict=True))
            model["unk_id"] = place.get(model["unk_id"])
        else:
            model["vocab"] = place
            model["merges"] = self._merges(numbers, pieces)
        frame = self._frame | {"model": model}
        frame["padding"] = frame["padding"] | {"pad_id": place[frame["padding"]["pad_id"]]}
        if frame["post_processor"] is not None:
            special = frame["post_processor"]["special_tokens"]
            frame["post_processor"] = frame["post_processor"] | {
                "special_tokens": {
                    name: each | {"ids": [place[token] for token in each["tokens"]]}
                    for name, each in special.items()
                }
            }
        return Tokenizer.from_str(json.dumps(frame)), self._arrays["ids"][numbers].tolist()

    def _merges(self, numbers: NDArray[np.int64], pieces: Sequence[str]) -> list[list[str]]:
        """The merges of chosen pieces into chosen pieces, the first learned first."""
        wholes = self._arrays["wholes"]
        first = np.searchsorted(wholes, numbers, "left")
        last = np.searchsorted(wholes, numbers, "right")
        at = np.concatenate(
            [np.arange(*ends) for ends in zip(first, last, strict=True) if ends[1] > ends[0]]
            or [np.empty(0, np.int64)]
        )
        pairs = self._arrays["pairs"][at]
        both = np.isin(pairs, numbers).all(axis=1)
        order = np.argsort(self._arrays["ranks"][at][both], kind="stable")
        places = np.searchsorted(numbers, pairs[both][order])
        return [[pieces[left], pieces[right]] for left, right in places.tolist()]

    @cached_property
    def _bare(self) -> Tokenizer:
        """For its normaliser and its splitter."""
        return self._made(self._always)[0]

    @cached_property
    def _whole(self) -> tuple[Tokenizer, list[int]]:
        return self._made(range(len(self._arrays["ids"])))


def sliced(tokenizer: PieceTokenizer) -> tuple[dict[str, Array], str]:
    """The arrays and the note that a `SlicedTokenizer` is made from.

    Raises ValueError for a kind of model whose pieces are not parts of the text.
    """
    frame = json.loads(tokenizer.tokens.to_str())
    model = frame["model"]
    processor = frame["post_processor"]
    if model["type"] not in ("BPE", "Unigram") or any(model.get(name) for name in _REFUSED):
        raise ValueError(f"a {model['type']} tokenizer of this kind cannot be kept")
    if processor is not None and processor["type"] != "TemplateProcessing":
        raise ValueError(f"a tokenizer with {processor['type']} cannot be kept")
    vocabulary, arrays = _vocabulary(model)
    added = {token["content"]: int(token["id"]) for token in frame["added_tokens"]}
    others = {content: number for content, number in added.items() if content not in vocabulary}
    if others:
        raise ValueError(f"tokens beside the vocabulary, as {next(iter(others))!r}")
    names = {number: piece for piece, number in vocabulary.items()}
    place = {piece: at for at, piece in enumerate(vocabulary)}
    frame["padding"]["pad_id"] = names[frame["padding"]["pad_id"]]
    always = {*added, frame["padding"]["pad_id"]}
    if model.get("byte_fallback"):
        always |= {f"<0x{byte:02X}>" for byte in range(256)} & vocabulary.keys()
    for each in (processor or {}).get("special_tokens", {}).values():
        always.update(each["tokens"])
    if model["type"] == "Unigram":
        always.add(min(vocabulary, key=lambda piece: arrays["scores"][place[piece]]))
        model["unk_id"] = None if model["unk_id"] is None else names[model["unk_id"]]
        always |= {model["unk_id"]} - {None}
    else:
        arrays |= _merged(model.pop("merges"), place)
        always |= {model["unk_token"]} & vocabulary.keys()
    del model["vocab"]
    normalizer = tokenizer.tokens.normalizer
    note = {
        "context": tokenizer.context,
        "clean": tokenizer.clean,
        "blanked": tokenizer.blanked,
        "always": sorted(place[piece] for piece in always),
        "marks": sorted({*added, *(normalizer.normalize_str(token) for token in added)})
        if normalizer is not None
        else sorted(added),
        "longest": max(map(len, vocabulary)),
        "frame": frame,
    }
    return {f"{_PREFIX}{name}": array for name, array in arrays.items()}, json.dumps(note)


def _vocabulary(model: Mapping[str, Any]) -> tuple[dict[str, int], dict[str, Array]]:
    """Pieces with their ids, ascending, and the arrays of them. Raises ValueError for twins."""
    if model["type"] == "Unigram":
        vocabulary = {piece: number for number, (piece, _) in enumerate(model["vocab"])}
        if len(vocabulary) < len(model["vocab"]):
            raise ValueError("pieces that are listed twice")
        scores = {"scores": np.array([score for _, score in model["vocab"]], dtype=np.float64)}
    else:
        vocabulary = dict(sorted(model["vocab"].items(), key=lambda item: item[1]))
        scores = {}
    encoded = [_encoded(piece) for piece in vocabulary]
    hashes = np.array([zlib.crc32(piece) for piece in encoded], dtype=np.uint32)
    by_hash = np.argsort(hashes, kind="stable")
    return vocabulary, scores | {
        "letters": np.frombuffer(b"".join(encoded), dtype=np.uint8),
        "starts": np.cumsum([0, *map(len, encoded)], dtype=np.int32),
        "ids": np.array(list(vocabulary.values()), dtype=np.int32),
        "hashes": hashes[by_hash],
        "by_hash": by_hash.astype(np.int32),
    }


def _merged(merges: Sequence[Sequence[str]], place: Mapping[str, int]) -> dict[str, Array]:
    """Pairs of pieces by what they make."""
    pairs = np.array([[place[a], place[b]] for a, b in merges], np.int32).reshape(-1, 2)
    wholes = np.array([place[a + b] for a, b in merges], dtype=np.int32)
    order = np.argsort(wholes, kind="stable").astype(np.int32)
    return {"pairs": pairs[order], "wholes": wholes[order], "ranks": order}


def _encoded(piece: str) -> bytes:
    return piece.encode("utf-8", "surrogatepass")


def _decoded(piece: bytes) -> str:
    return piece.decode("utf-8", "surrogatepass")
