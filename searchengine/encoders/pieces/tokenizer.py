"""Tokenizers of the Hugging Face hub without transformers: their `tokenizer.json` is all it takes.

SigLIP and SigLIP 2 (sentencepiece's pieces of T5 and Gemma), XLM-R and NLLB. The ids are those of
open_clip's `HFTokenizer`, which goes through transformers; what transformers does beyond the file,
it does by the class that `tokenizer_config.json` names, and so does this module.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from searchengine.encoders import cleaning
from searchengine.errors import EncoderError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

TOKENIZER_FILE = "tokenizer.json"
CONFIG_FILE = "tokenizer_config.json"

_CONTEXT = 77
"""open_clip's, where a config says nothing."""

_NLLB_LANGUAGE = "eng_Latn"
"""What transformers takes a text to be in, where nobody says."""


class PieceTokenizer:
    """Texts to rows of ids of one length, as a text tower of open_clip takes them."""

    def __init__(self, directory: Path, text_config: Mapping[str, Any]) -> None:
        """Of the two files in `directory`, used as open_clip's `text_cfg` says.

        Raises EncoderError for files that are no tokenizer, or one that pads with nothing, and for
        wishes of the config that are not known.
        """
        wishes = dict(text_config.get("tokenizer_kwargs", {}))
        clean = wishes.pop("clean", "whitespace")
        strips = bool(wishes.pop("strip_sep_token", False))
        unknown = [*wishes, *filter(None, [text_config.get("tokenizer_mode")])]
        if unknown or clean not in cleaning.WAYS:
            raise EncoderError(f"tokenizers with {unknown or clean} are not understood")
        self.context = int(text_config.get("context_length", _CONTEXT))
        """Ids of a text, exactly: longer ones are cut, shorter ones padded."""
        self.clean = clean
        """The key of `cleaning.WAYS`."""
        config = _config_in(directory)
        self.tokens = _read(directory / TOKENIZER_FILE)
        if _class(config) == "Nllb":
            _put_language(self.tokens, config)
        self.pad = self._id_of(config.get("pad_token", "<pad>"), directory)
        self.blanked = self._id_of(config["sep_token"], directory) if strips else None
        """The id that 0 stands in the place of, if any."""
        self.tokens.enable_truncation(self.context)
        self.tokens.enable_padding(
            length=self.context,
            pad_id=self.pad,
            direction=config.get("padding_side", "left" if _class(config) == "Gemma" else "right"),
        )

    def ids(self, text: str) -> list[int]:
        """The ids of one text, `context` of them."""
        return self.rows([text])[0]

    def rows(self, texts: Sequence[str]) -> list[list[int]]:
        """The ids of texts, `context` of each."""
        found = self.tokens.encode_batch([cleaning.WAYS[self.clean](text) for text in texts])
        rows: list[list[int]] = [encoding.ids for encoding in found]
        if self.blanked is not None:
            rows = [[0 if token == self.blanked else token for token in row] for row in rows]
        return rows

    def _id_of(self, token: Any, directory: Path) -> int:  # noqa: ANN401 - of a JSON file
        written = token["content"] if isinstance(token, dict) else token
        found = self.tokens.token_to_id(written) if isinstance(written, str) else None
        if found is None:
            raise EncoderError(f"{directory / TOKENIZER_FILE} has no token {written!r}")
        return int(found)


def _config_in(directory: Path) -> dict[str, Any]:
    path = directory / CONFIG_FILE
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise EncoderError(f"{path} cannot be read: {error}") from error
    if not isinstance(config, dict):
        raise EncoderError(f"{path} is no JSON object")
    return config


def _read(path: Path) -> Tokenizer:
    from tokenizers import Tokenizer

    try:
        return Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises nothing more precise
        raise EncoderError(f"{path} is no tokenizer: {error}") from error


def _put_language(tokens: Tokenizer, config: Mapping[str, Any]) -> None:
    """NLLB's language stands before a text, wherever the file has it.

    Raises EncoderError where the tokenizer lacks it.
    """
    from tokenizers.processors import TemplateProcessing

    end = _written(config, "eos_token", "</s>")
    language = str(config.get("src_lang") or _NLLB_LANGUAGE)
    special = {token: tokens.token_to_id(token) for token in (language, end)}
    if None in special.values():
        raise EncoderError(f"the tokenizer lacks one of its tokens {', '.join(special)}")
    around = ["$A", end, language] if config.get("legacy_behaviour") else [language, "$A", end]
    tokens.post_processor = TemplateProcessing(single=around, special_tokens=list(special.items()))


def _class(config: Mapping[str, Any]) -> str:
    """Gemma of GemmaTokenizer and of GemmaTokenizerFast."""
    name = str(config.get("tokenizer_class", ""))
    return name.removesuffix("Fast").removesuffix("Tokenizer")


def _written(config: Mapping[str, Any], name: str, default: str) -> str:
    token = config.get(name, default)
    return str(token["content"] if isinstance(token, dict) else token)
