"""What each of CLIP's 49,408 BPE tokens means to MiniLM: the start of the token embeddings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from cache_texts import cache_embeddings
from minilm import load_tokenizer, model_folder
from open_clip.tokenizer import SimpleTokenizer, basic_clean
from safetensors.torch import load_file


def token_texts(tokenizer: SimpleTokenizer) -> list[str]:
    """The text of every token, in the order of the ids; never empty."""
    texts = []
    for number in range(tokenizer.vocab_size):
        piece = tokenizer.decoder[number].replace("</w>", "")
        raw = bytearray(tokenizer.byte_decoder.get(letter, 32) for letter in piece)
        text = basic_clean(raw.decode("utf-8", errors="replace"))
        texts.append(text or ".")
    return texts


def cache_meanings(out: Path, threads: int) -> None:
    """Write (49408, 768) float32 to `out`: MiniLM's input and output for every token's text.

    Left half: the mean of the WordPiece input embeddings. Right half: the sentence embedding of
    the token alone. Both are centred and scaled to unit variance.
    """
    if out.exists():
        return
    texts = token_texts(SimpleTokenizer())
    cache_embeddings(texts, out.with_name("tokens.texts"), threads)
    sentences = torch.from_numpy(np.load(out.with_name("tokens.npy"))).float()
    words = load_file(model_folder() / "model.safetensors")["embeddings.word_embeddings.weight"]
    encodings = load_tokenizer().encode_batch(texts, add_special_tokens=False)
    inputs = torch.stack([words[encoding.ids or [100]].mean(0) for encoding in encodings])
    np.save(out, torch.cat([standard(inputs), standard(sentences)], 1).numpy())


def standard(x: torch.Tensor) -> torch.Tensor:
    """Columns of x (N, C) centred, the whole scaled to unit variance."""
    centred = x - x.mean(0)
    return centred / centred.std()
