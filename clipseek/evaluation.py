"""Evaluating from Python."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from clipseek.indexing import Silent
from searchengine.embedding.outcomes import Observer
from searchengine.encoders.interface import Encoder
from searchengine.encoders.loading import load_encoder
from searchengine.evaluation.evaluate import evaluate as run
from searchengine.evaluation.evaluation_set import EvaluationOptions, opened_evaluation_set
from searchengine.evaluation.results import Evaluation
from searchengine.library.distractors import read_distractors
from searchengine.library.library import Library


def evaluate(
    captions: str | os.PathLike[str],
    encoder: str | Encoder = "starter-256",
    *,
    images: str | os.PathLike[str] | None = None,
    options: EvaluationOptions | None = None,
    distractors: Library | None = None,
    observer: Observer | None = None,
) -> Evaluation:
    """R@K both ways of an encoder on captioned images, as papers measure it.

    `captions` is a file in any form that `clipseek evaluate` reads, or vectors in clip-retrieval's
    layout, which need neither encoder nor distractors; `images` the directory of its
    images (None looks beside it), `encoder` one that is loaded or a name, loaded in float32. The
    images that `distractors` holds, less the test images themselves, join the gallery as wrong
    answers. Raises as
    `searchengine.evaluation.evaluate`, and the encoder's errors.
    """
    asked = options or EvaluationOptions()
    if images is not None:
        asked = replace(asked, images=Path(images))
    with opened_evaluation_set(Path(captions), asked) as (chosen, given):
        if given is not None:
            return run(chosen, given, observer or Silent())
        loaded = load_encoder(encoder, precision="float32") if isinstance(encoder, str) else encoder
        wrong = None if distractors is None else read_distractors(distractors, loaded)
        return run(chosen, loaded, observer or Silent(), wrong)
