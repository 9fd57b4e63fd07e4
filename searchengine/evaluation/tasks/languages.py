"""One encoder, the same images, captions in several languages: a row for each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from searchengine.devices import cuda_or_cpu
from searchengine.embedding.outcomes import Observer
from searchengine.embedding.regions import Region
from searchengine.encoders.interface import Encoder
from searchengine.errors import InputError
from searchengine.evaluation.evaluation_set import EvaluationSet
from searchengine.evaluation.tasks.lengths import cut_share
from searchengine.evaluation.tasks.pictures import ReadingOptions, encode_regions
from searchengine.measures.ranks import pair_ranks
from searchengine.measures.recall import Direction, image_retrieval, text_retrieval


@dataclass(frozen=True, slots=True)
class LanguageRow:
    """Retrieval both ways in one language."""

    language: str
    images: int
    """That can be read and have a caption in it."""
    missing: int
    captions: int
    image_retrieval: Direction
    text_retrieval: Direction
    cut_share: float
    """Of the captions, in [0, 1]: longer than the encoder reads."""

    @property
    def mean_recall(self) -> float:
        """Of all Ks and both directions, in [0, 1]: how Crossmodal-3600 is often reported."""
        shares = [*self.image_retrieval.recall.values(), *self.text_retrieval.recall.values()]
        return float(np.mean(shares))


def measure_languages(
    sets: Mapping[str, EvaluationSet], encoder: Encoder, observer: Observer
) -> list[LanguageRow]:
    """Measure each language on its own captions; every image is encoded once.

    Raises InputError where no image can be read.
    """
    options = next(iter(sets.values())).options
    files = dict.fromkeys(path for each in sets.values() for path in each.files if path is not None)
    pictures = encode_regions(
        [Region(path) for path in files],
        encoder,
        observer,
        ReadingOptions(options.workers, options.max_megapixels, options.max_file_size),
    )
    rows = []
    for language, asked in sets.items():
        used = [
            (image, pictures.rows[Region(path)])
            for image, path in zip(asked.images, asked.files, strict=True)
            if path is not None and Region(path) in pictures.rows
        ]
        if not used:
            raise InputError(f"{asked.dataset.path}: no image of {language} can be read")
        captions = [
            options.prompt.replace("{}", caption) for image, _ in used for caption in image.captions
        ]
        owners = np.repeat(np.arange(len(used)), [len(image.captions) for image, _ in used])
        texts = encoder.encode_texts(captions)
        vectors = pictures.vectors[[row for _, row in used]]
        pairs = pair_ranks(vectors, texts, owners, device=cuda_or_cpu(encoder.device))
        rows.append(
            LanguageRow(
                language,
                len(used),
                len(asked.images) - len(used),
                len(captions),
                image_retrieval(pairs, owners, len(used), options.ks),
                text_retrieval(pairs, owners, options.ks),
                cut_share(captions, encoder),
            )
        )
    return rows
