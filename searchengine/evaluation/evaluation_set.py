"""What an evaluation asks: the part of a caption file that was chosen, and its images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from searchengine.datasets.archives import unpacked
from searchengine.datasets.columns import read_column
from searchengine.datasets.dataset import (
    AUTO,
    FORMATS,
    CaptionedImage,
    Dataset,
    choose_split,
    read_dataset,
)
from searchengine.datasets.images import find_images
from searchengine.datasets.languages import read_languages
from searchengine.datasets.positives import Positives
from searchengine.datasets.stored_vectors import is_stored
from searchengine.errors import InputError
from searchengine.evaluation.given import GivenVectors, read_given
from searchengine.evaluation.index_loss import EXACT, THROUGH
from searchengine.evaluation.judged import positives_of
from searchengine.files import MAX_FILE_SIZE
from searchengine.images.decode import MAX_MEGAPIXELS
from searchengine.index import faiss_index

AS_THEY_ARE = "{}"
"""The prompt that leaves captions alone."""


@dataclass(frozen=True, slots=True)
class EvaluationOptions:
    """What to measure on, and how."""

    images: Path | None = None
    """Where the images are; None looks beside the caption file."""
    format: str = AUTO
    split: str | None = None
    ks: tuple[int, ...] = (1, 5, 10)
    captions_per_image: int | None = 5
    """The first so many captions of each image; None takes all."""
    prompt: str = AS_THEY_ARE
    """Template around each caption, which stands where {} is."""
    limit: int | None = None
    """Only the first so many images."""
    through: str = EXACT
    """Methods of search in the table: "exact", "index" or "both"."""
    positives: tuple[str, ...] = ()
    """What is right beyond an image's own captions: files, or "eccv" and "cxc"."""
    by: str | None = None
    """A column of the caption file, whose values are measured one by one too."""
    workers: int | None = None
    """Threads that decode; None takes one a core."""
    max_megapixels: float = MAX_MEGAPIXELS
    """Larger pictures, in units of 10^6 pixels, count as unreadable."""
    max_file_size: int = MAX_FILE_SIZE
    """Larger files, in bytes, count as unreadable."""


@dataclass(frozen=True, slots=True)
class EvaluationSet:
    """The part of a caption file that is asked for, and where its images are."""

    options: EvaluationOptions
    dataset: Dataset
    split: str | None
    whole: Sequence[CaptionedImage]
    """The split, before a limit."""
    images: Sequence[CaptionedImage]
    """With the captions that are asked."""
    files: Sequence[Path | None]
    """Of each of `images`; None where it is missing."""
    captions_left_out: int
    """Of `images`, beyond the first so many."""
    positives: Sequence[Positives] = ()
    """By the numbers of `images` and of their captions, in order."""
    values: Sequence[str | None] = ()
    """What the column `by` says of each caption of `images`; empty where none is asked for."""

    def counts(self, broken: Set[Path]) -> dict[str, int]:
        """What was found and left out, where the files of `broken` cannot be read."""
        places = list(zip(self.images, self.files, strict=True))
        missing = [image for image, path in places if path is None]
        unreadable = [image for image, path in places if path in broken]
        return {
            **self.dataset.counts,
            "missing images": len(missing),
            "captions of missing images": count_captions(missing),
            "unreadable images": len(unreadable),
            "captions of unreadable images": count_captions(unreadable),
            "captions beyond the number asked": self.captions_left_out,
        }


def read_evaluation_set(captions: Path, options: EvaluationOptions) -> EvaluationSet:
    """The images and captions of a file that the options choose.

    Raises what `require_sense` raises, CaptionFileError, InputError and PathNotFoundError for
    files that are not as they should be, and MissingExtraError for judgements not installed.
    """
    require_sense(options)
    return _choose(read_dataset(captions, options.format), options)


def read_language_sets(captions: Path, options: EvaluationOptions) -> dict[str, EvaluationSet]:
    """What the options choose of each language of a source, without judgements of its own.

    Empty where it names no languages.
    Raises as `read_evaluation_set`.
    """
    require_sense(options)
    found = read_languages(captions)
    plain = replace(options, positives=())
    return {language: _choose(dataset, plain) for language, dataset in found.items()}


@contextmanager
def opened_evaluation_set(
    captions: Path, options: EvaluationOptions
) -> Iterator[tuple[EvaluationSet, GivenVectors | None]]:
    """As `read_evaluation_set`, also of what has images or vectors in it.

    A WebDataset tar or a parquet table, or a directory of such, is unpacked for as long; one in
    clip-retrieval's layout comes with its vectors, which take the place of an encoder.
    """
    require_sense(options)
    if is_stored(captions):
        dataset, given = read_given(captions)
        yield given_evaluation_set(dataset, options), given
        return
    with unpacked(captions) as source:
        if source is None:
            yield read_evaluation_set(captions, options), None
            return
        dataset = read_dataset(source.captions)
        dataset = replace(dataset, path=captions, format=source.format)
        yield _choose(dataset, replace(options, images=source.images)), None


def given_evaluation_set(dataset: Dataset, options: EvaluationOptions) -> EvaluationSet:
    """Of a dataset without splits whose images have vectors: no file is looked for.

    Raises as `require_sense`.
    """
    require_sense(options)
    return _choose(dataset, options, [Path(image.file) for image in dataset.images])


def _choose(
    dataset: Dataset, options: EvaluationOptions, places: Sequence[Path | None] | None = None
) -> EvaluationSet:
    """What the options choose. `places` are those of the first images of a set without splits."""
    captions = dataset.path
    split, whole = choose_split(dataset, options.split)
    chosen = whole[: options.limit]
    images = [image.first(options.captions_per_image) for image in chosen]
    files = (
        find_images(images, options.images, captions) if places is None else places[: len(images)]
    )
    left_out = count_captions(chosen) - count_captions(images)
    positives = positives_of(images, options.positives)
    by = options.by
    values = [] if by is None else read_column(captions, dataset.format, by, images)
    return EvaluationSet(options, dataset, split, whole, images, files, left_out, positives, values)


def require_sense(options: EvaluationOptions) -> None:
    """Raises InputError or MissingExtraError where the options say nothing that can be done."""
    numbers = [*options.ks, options.captions_per_image, options.limit]
    if not options.ks or any(number is not None and number < 1 for number in numbers):
        raise InputError("every K, the captions of an image and the limit are whole numbers from 1")
    require_prompt(options.prompt)
    if options.through not in THROUGH:
        raise InputError(f"unknown way {options.through!r}; choose {', '.join(THROUGH)}")
    if options.format not in FORMATS:
        raise InputError(f"unknown format {options.format!r}; choose {', '.join(FORMATS)}")
    if options.through != EXACT:
        faiss_index.load_faiss()


def require_prompt(prompt: str) -> None:
    """Raises InputError where there is no place for a caption."""
    if "{}" not in prompt:
        raise InputError(f"the prompt {prompt!r} has no {{}} where the caption goes")


def count_captions(images: Sequence[CaptionedImage]) -> int:
    """The captions of all of them together."""
    return sum(len(image.captions) for image in images)
