"""MiniLM embeddings of every text, computed once and kept as float16."""

from __future__ import annotations

import json
import logging
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
import openvino as ov
import torch
from minilm import WIDTH, MiniLM, load_tokenizer

log = logging.getLogger(__name__)

MAX_TOKENS = 48  # glosses may be long; the text tower reads 32 tokens
TOKENS_PER_BATCH = 2048


def batches_of_one_length(ids: list[list[int]]) -> list[list[int]]:
    """Row numbers grouped so that a batch needs no padding, about TOKENS_PER_BATCH tokens each."""
    by_length: dict[int, list[int]] = defaultdict(list)
    for row, tokens in enumerate(ids):
        by_length[len(tokens)].append(row)
    batches: list[list[int]] = []
    for length, rows in sorted(by_length.items()):
        step = max(1, TOKENS_PER_BATCH // length)
        batches += [rows[start : start + step] for start in range(0, len(rows), step)]
    return batches


def cache_embeddings(texts: list[str], out: Path, threads: int) -> None:
    """Write `texts` to `out`.json and their unit embeddings (len(texts), 384) to `out`.npy."""
    if out.with_suffix(".npy").exists():
        return
    tokenizer = load_tokenizer()
    ids = [encoding.ids[:MAX_TOKENS] for encoding in tokenizer.encode_batch(texts)]
    traced = ov.convert_model(
        MiniLM().eval(),
        example_input=torch.ones(2, 9, dtype=torch.long),
        input=[ov.PartialShape([-1, -1])],
    )
    model = ov.Core().compile_model(traced, "CPU", {"INFERENCE_NUM_THREADS": threads})
    table = np.empty((len(texts), WIDTH), dtype=np.float16)
    started = time.monotonic()
    for number, rows in enumerate(batches_of_one_length(ids)):
        table[rows] = model(np.array([ids[row] for row in rows], dtype=np.int64))[0]
        if number % 200 == 0:
            log.info("%s: batch %d, %.0f s", out.name, number, time.monotonic() - started)
    out.with_suffix(".json").write_text(json.dumps(texts), encoding="utf-8")
    np.save(out.with_suffix(".npy"), table)
    log.info("%s: %d texts in %.0f s", out.name, len(texts), time.monotonic() - started)
