"""A whole evaluation: its numbers against a script of twenty lines, and every fault seeded."""

from __future__ import annotations

import csv
import json
import shutil
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from searchengine import load_encoder
from searchengine.datasets.dataset import read_dataset
from searchengine.encoders.interface import Encoder
from searchengine.errors import CaptionFileError, InputError, PathNotFoundError
from searchengine.evaluation.benchmarks import dataset_sha256
from searchengine.evaluation.distractors import Distractors
from searchengine.evaluation.evaluate import TEST_IMAGES, evaluate
from searchengine.evaluation.evaluation_set import EvaluationOptions, read_evaluation_set
from searchengine.evaluation.results import Evaluation
from searchengine.files import content_hash
from tests.conftest import Watcher, Workbench
from tests.support.fake import FakeEncoder
from tests.support.places import SHARED

DATA = SHARED / "data"

CAPTIONS = {
    "red": ("a red wall", "red and more red", "something red", "a red and blue flag"),
    "blue": ("a blue sky", "the blue sea", "a red and blue flag"),
    "green": ("a green lawn", "green grass", "a wall"),
    "white": ("white snow", "a yellow and white egg", "a white sheet", "a white wall", "white"),
    "yellow": ("a yellow lemon", "a yellow and white egg"),
    "black": ("a black night", "black", "black and grey stones", "a red wall"),
    "cyan": ("a cyan tile", "blue and green water"),
    "magenta": ("a magenta flower", "red and blue", "magenta", "pink", "a magenta wall", "x", "y"),
}
"""Captions by the colour of the picture; several are shared, some name another colour or none."""


@pytest.fixture
def captions(bench: Workbench) -> Path:
    """captions.csv over eight painted pictures beside it."""
    for name in CAPTIONS:
        bench.paint(f"{name}.png", name)
    return write_csv(bench.photos / "captions.csv", CAPTIONS)


def write_csv(path: Path, captions: Mapping[str, Sequence[str]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("image", "caption"))
        writer.writerows((f"{name}.png", text) for name in captions for text in captions[name])
    return path


def karpathy(path: Path, splits: dict[str, str]) -> Path:
    """Images of Flickr8k by split, with five captions each."""
    images = [
        {
            "filename": file,
            "split": split,
            "sentences": [{"raw": f"{file} {k}"} for k in range(5)],
        }
        for file, split in splits.items()
    ]
    path.write_text(json.dumps({"dataset": "flickr8k", "images": images}), encoding="utf-8")
    return path


def run(
    captions: Path,
    encoder: Encoder | None = None,
    *,
    watcher: Watcher | None = None,
    distractors: Distractors | None = None,
    **options: Any,
) -> Evaluation:
    asked = read_evaluation_set(captions, EvaluationOptions(**options))
    return evaluate(asked, encoder or FakeEncoder(), watcher or Watcher(), distractors)


def script(pairs: list[tuple[Path, str]], encoder: Encoder, ks: Sequence[int]) -> dict[str, float]:
    """R@K both ways of (image, caption) pairs, with nothing of this project but the encoder."""
    paths = list(dict.fromkeys(path for path, _ in pairs))
    owners = np.array([paths.index(path) for path, _ in pairs])
    pictures = [Image.open(path).convert("RGB") for path in paths]
    images = encoder.encode_images(pictures).astype(np.float64)
    texts = encoder.encode_texts([caption for _, caption in pairs]).astype(np.float64)
    scores = (texts[:, np.newaxis, :] * images[np.newaxis, :, :]).sum(axis=2)
    is_own = owners[:, np.newaxis] == np.arange(len(paths))
    own = scores[is_own]
    ranks = 1 + ((scores >= own[:, np.newaxis]) & ~is_own).sum(axis=1)
    best = np.where(is_own, scores, -np.inf).max(axis=0)
    text_ranks = 1 + ((scores >= best) & ~is_own).sum(axis=0)
    metrics: dict[str, float] = {}
    for name, found in (("image_retrieval", ranks), ("text_retrieval", text_ranks)):
        metrics |= {f"{name}_recall@{k}": (found <= k).sum() / len(found) for k in ks}
        metrics[f"{name}_mrr"] = (1 / found).mean()
    return metrics


def odd(result: Evaluation) -> list[str]:
    """The warnings, but that the galleries of these tests are small."""
    return [warning for warning in result.warnings if "whatever the encoder answers" not in warning]


def numbers(result: Evaluation) -> dict[str, float]:
    found: dict[str, float] = {}
    for direction in (result.image_retrieval, result.text_retrieval):
        found |= {f"{direction.name}_recall@{k}": v for k, v in direction.recall.items()}
        found[f"{direction.name}_mrr"] = direction.mean_reciprocal_rank
    return found


def pairs_of(captions: Path, most: int = 5) -> list[tuple[Path, str]]:
    """What a CSV says, with the first captions of each image."""
    with captions.open(encoding="utf-8", newline="") as file:
        rows = [(captions.parent / row["image"], row["caption"]) for row in csv.DictReader(file)]
    images = [path for path, _ in rows]
    return [row for place, row in enumerate(rows) if images[:place].count(row[0]) < most]


def test_the_numbers_are_those_of_an_independent_script(captions: Path) -> None:
    result = run(captions, ks=(1, 2, 3, 5))
    wanted = script(pairs_of(captions), FakeEncoder(), (1, 2, 3, 5))
    assert numbers(result) == wanted
    assert 0 < wanted["image_retrieval_recall@1"] < wanted["image_retrieval_recall@3"] < 1
    assert 0 < wanted["text_retrieval_recall@1"] < 1
    assert result.image_retrieval.tied > 1
    assert result.text_retrieval.tied > 0


def test_what_was_measured_is_on_record(captions: Path) -> None:
    result = run(captions, limit=6)
    protocol = result.protocol
    assert (protocol.dataset, protocol.file, protocol.format) == (None, str(captions), "csv")
    assert (protocol.split, protocol.images, protocol.captions) == (None, 6, 21)
    assert (protocol.captions_per_image, protocol.prompt) == ("5", "{}")
    assert (protocol.encoder, protocol.checkpoint) == ("fake", "fake")
    assert (protocol.precision, protocol.device) == ("float32", "cpu")
    assert protocol.ties.startswith("against the system")
    assert protocol.sha256 == dataset_sha256(read_dataset(captions).images[:6])
    assert {"python", "clipseek", "torch", "numpy", "open_clip_torch"} <= set(protocol.versions)
    assert result.image_retrieval.gallery == 6
    assert result.text_retrieval.gallery == len(result.image_retrieval.ranks) == 21
    assert len(result.text_retrieval.ranks) == 6
    assert [row.method for row in result.methods] == ["exact"]
    assert result.published == ()


def test_what_a_reader_looks_at(captions: Path) -> None:
    result = run(captions)
    lost = [failure for failure in result.failures if failure.direction == "image_retrieval"]
    assert [failure.rank for failure in lost] == sorted((f.rank for f in lost), reverse=True)
    assert len({failure.image for failure in lost}) == len(lost), "one caption an image"
    ranks = result.image_retrieval.ranks
    assert lost[0].rank == ranks.max()
    missing = {path for (path, _), rank in zip(pairs_of(captions), ranks, strict=True) if rank > 1}
    assert {failure.image for failure in lost} == missing
    assert len(lost[0].returned_images) == 4
    texts = [failure for failure in result.failures if failure.direction == "text_retrieval"]
    assert texts[0].rank == result.text_retrieval.ranks.max()
    assert texts[0].caption in CAPTIONS[texts[0].image.stem]
    sample = result.sample
    assert [path.stem for path in sample.images] == list(CAPTIONS)
    assert list(sample.captions) == [texts[0] for texts in CAPTIONS.values()]
    encoder = FakeEncoder()
    rows = encoder.encode_images([Image.open(path) for path in sample.images])
    np.testing.assert_allclose(
        sample.cosines, rows @ encoder.encode_texts(sample.captions).T, atol=1e-6
    )
    assert result.projection.images.shape == result.projection.captions.shape == (8, 2)
    assert 0.2 < sum(result.projection.explained) <= 1


def test_a_perfect_encoder_has_no_failures(bench: Workbench) -> None:
    names = ("red", "green", "blue", "white")
    for name in names:
        bench.paint(f"{name}.png", name)
    result = run(write_csv(bench.photos / "c.csv", {name: (name, f"a {name} x") for name in names}))
    assert set(numbers(result).values()) == {1.0}
    assert result.failures == ()
    assert result.text_retrieval.true_recall[1] == 0.5
    assert result.text_retrieval.true_recall[5] == 1


def test_one_image_with_one_caption(bench: Workbench) -> None:
    bench.paint("red.png", "red")
    result = run(write_csv(bench.photos / "c.csv", {"red": ("red",)}), through="both")
    assert set(numbers(result).values()) == {1.0}
    assert result.image_retrieval.intervals[1] == (1, 1)


# faults, each seeded


def test_missing_images_are_counted_and_warned_about(captions: Path) -> None:
    (captions.parent / "white.png").unlink()
    (captions.parent / "red.png").unlink()
    result = run(captions)
    assert result.counts["missing images"] == 2
    assert result.counts["captions of missing images"] == 4 + 5
    assert (result.protocol.images, result.image_retrieval.gallery) == (6, 6)
    assert result.warnings[0].startswith("2 of 8 images are missing, so this is another and small")
    left = [pair for pair in pairs_of(captions) if pair[0].exists()]
    assert numbers(result) == script(left, FakeEncoder(), (1, 5, 10))


def test_an_unreadable_image_is_told_counted_and_warned_about(captions: Path) -> None:
    broken = captions.parent / "blue.png"
    broken.write_bytes(broken.read_bytes()[:50])
    watcher = Watcher()
    result = run(captions, watcher=watcher)
    assert list(watcher.skipped_files) == [str(broken)]
    assert (watcher.total, watcher.done) == (8, 8)
    assert (result.counts["unreadable images"], result.counts["missing images"]) == (1, 0)
    assert result.counts["captions of unreadable images"] == 3
    assert result.protocol.images == 7
    assert result.warnings[0].startswith("1 of 8 images is missing")
    left = [pair for pair in pairs_of(captions) if pair[0] != broken]
    assert numbers(result) == script(left, FakeEncoder(), (1, 5, 10))


def test_an_image_over_the_limit_counts_as_unreadable(captions: Path, bench: Workbench) -> None:
    large = bench.paint("green.png", "green", size=(400, 300))
    watcher = Watcher()
    result = run(captions, watcher=watcher, max_megapixels=0.1)
    assert list(watcher.skipped_files) == [str(large)]
    assert (
        "over the limit of 0.1; raise it with --max-megapixels" in watcher.skipped_files[str(large)]
    )
    assert result.counts["unreadable images"] == 1
    left = [pair for pair in pairs_of(captions) if pair[0] != large]
    assert numbers(result) == script(left, FakeEncoder(), (1, 5, 10))
    assert run(captions).counts["unreadable images"] == 0


@pytest.mark.parametrize("workers", [1, 2])
def test_so_many_threads_decode(captions: Path, workers: int) -> None:
    threads: set[str] = set()
    all_are_here = threading.Barrier(workers)

    class Meeting(FakeEncoder):
        def preprocess(self, image: Any) -> Any:
            threads.add(threading.current_thread().name)
            all_are_here.wait(60)
            return super().preprocess(image)

    run(captions, Meeting(), workers=workers)
    assert len(threads) == workers


def test_nothing_is_there(captions: Path, tmp_path: Path) -> None:
    with pytest.raises(PathNotFoundError, match="nowhere"):
        run(captions, images=tmp_path / "nowhere")
    with pytest.raises(PathNotFoundError, match="no such file"):
        run(tmp_path / "gone.csv")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"none of the 8 images .* is below .*empty"):
        run(captions, images=tmp_path / "empty")
    captions.write_text("nothing known", encoding="utf-8")
    with pytest.raises(CaptionFileError, match="line 1: no known format"):
        run(captions)


def test_the_same_picture_twice_ties_against_the_system(captions: Path) -> None:
    shutil.copy(captions.parent / "green.png", captions.parent / "lawn.png")
    write_csv(captions, {**CAPTIONS, "lawn": ("a lawn of green",)})
    result = run(captions)
    ranks = result.image_retrieval.ranks
    alone = run(write_csv(captions, CAPTIONS)).image_retrieval
    place = [path.stem for path, _ in pairs_of(captions)].index("green")
    assert ranks[place] == alone.ranks[place] + 1
    assert result.image_retrieval.tied >= alone.tied + 3


def test_images_and_captions_listed_twice_are_counted(captions: Path) -> None:
    content = captions.read_text(encoding="utf-8")
    captions.write_text(f"{content}red.png,a red wall\n", encoding="utf-8")
    assert run(captions, captions_per_image=None).counts["captions an image has twice"] == 1
    file = karpathy(captions.parent / "k.json", {"red.png": "test", "blue.png": "test"})
    record = json.loads(file.read_text(encoding="utf-8"))
    record["images"].append(record["images"][0])
    file.write_text(json.dumps(record), encoding="utf-8")
    result = run(file)
    assert result.counts["images listed twice"] == 1
    assert (result.protocol.images, result.protocol.captions) == (2, 10)


def test_a_wrong_split(captions: Path) -> None:
    splits = {"red.png": "val", "blue.png": "val", "green.png": "train", "white.png": "restval"}
    file = karpathy(captions.parent / "k.json", splits)
    with pytest.raises(InputError, match=r"no test split; say --split: there is val \(2 images\)"):
        run(file)
    with pytest.raises(InputError, match="no split 'test'"):
        run(file, split="test")
    result = run(file, split="val")
    assert (result.protocol.split, result.protocol.images) == ("val", 2)
    assert result.warnings[0].startswith("These are the 2 images of Flickr8k in the split 'val', b")
    assert run(file, split="train").protocol.images == 2
    everything = run(file, split="all")
    assert "all splits of the file together" in everything.warnings[0]


def test_only_the_first_caption(captions: Path) -> None:
    file = karpathy(captions.parent / "k.json", {"red.png": "test", "blue.png": "test"})
    result = run(file, captions_per_image=1)
    assert (result.protocol.captions, result.protocol.captions_per_image) == (2, "1")
    assert result.counts["captions beyond the number asked"] == 8
    assert any(w.startswith("Only one caption of each image is asked") for w in result.warnings)
    assert not any(w.startswith("Only one caption") for w in run(file).warnings)


def test_captions_left_out_are_counted_whoever_they_belong_to(captions: Path) -> None:
    result = run(captions)
    assert result.counts["captions beyond the number asked"] == 2
    assert result.protocol.captions == 28
    everything = run(captions, captions_per_image=None)
    assert everything.counts["captions beyond the number asked"] == 0
    assert (everything.protocol.captions, everything.protocol.captions_per_image) == (30, "all")
    assert numbers(everything) == script(pairs_of(captions, 99), FakeEncoder(), (1, 5, 10))


def test_a_limit(captions: Path) -> None:
    result = run(captions, limit=3)
    assert result.protocol.images == 3
    (warning,) = odd(result)
    assert warning.startswith("Only the first 3 of 8 images are used")
    assert numbers(result) == script(pairs_of(captions)[:10], FakeEncoder(), (1, 5, 10))
    assert odd(run(captions, limit=8)) == []


def test_what_no_encoder_can_miss_is_said(captions: Path) -> None:
    small = "whatever the encoder answers, as there is nothing else; images: 8, captions: 28"
    assert [w for w in run(captions).warnings if small in w] == [
        f"R@10 of image retrieval: 100 {small}; take more, or a smaller -k"
    ]
    (both,) = run(captions, ks=(7, 8, 27, 28)).warnings
    assert both.startswith("R@8, R@27, R@28 of image retrieval and R@")
    assert run(captions, ks=(1, 7)).warnings == ()


def test_ties_of_half_precision(captions: Path) -> None:
    encoder = FakeEncoder()
    assert odd(run(captions, encoder)) == []
    encoder.precision = "bfloat16"
    (warning,) = odd(run(captions, encoder))
    assert "of the queries are tied in bfloat16" in warning


def test_a_prompt_goes_around_every_caption(captions: Path) -> None:
    class Listening(FakeEncoder):
        def encode_texts(self, texts: Sequence[str]) -> Any:
            self.heard = list(texts)
            return super().encode_texts(texts)

    encoder = Listening()
    result = run(captions, encoder, prompt="a photo of {}.")
    assert encoder.heard[:2] == ["a photo of a red wall.", "a photo of red and more red."]
    assert result.protocol.prompt == "a photo of {}."


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"prompt": "a photo"}, r"the prompt 'a photo' has no \{\} where the caption goes"),
        ({"through": "faiss"}, "unknown way 'faiss'; choose exact, index, both"),
        ({"format": "xml"}, "unknown format 'xml'; choose auto, karpathy, "),
        ({"ks": ()}, "whole numbers from 1"),
        ({"ks": (0, 5)}, "whole numbers from 1"),
        ({"limit": 0}, "whole numbers from 1"),
        ({"captions_per_image": 0}, "whole numbers from 1"),
        ({"format": "jsonl"}, "not JSON"),
    ],
)
def test_options_that_make_no_sense(captions: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        run(captions, **options)


def test_an_index_over_too_few_images_is_said_to_be_missing(captions: Path) -> None:
    for through, lines in (("both", ["exact"]), ("index", [])):
        result = run(captions, through=through)
        assert [row.method for row in result.methods] == lines
        (warning,) = odd(result)
        assert warning.startswith("An index needs 256 images to be trained on and there are 8, so")


# distractors


@pytest.fixture
def others(bench: Workbench, captions: Path) -> Distractors:
    """The eight pictures of the file and four more, as a library stores them."""
    more = [
        bench.paint("more/scarlet.png", (250, 10, 10)),
        bench.paint("more/navy.png", (0, 0, 128)),
        bench.paint("more/olive.png", (128, 128, 0)),
        bench.paint("more/second-red.png", "red"),
    ]
    paths = [*more[:2], *(captions.parent / f"{name}.png" for name in CAPTIONS), *more[2:]]
    rows = FakeEncoder().encode_images([Image.open(path) for path in paths])
    return Distractors(paths, rows.astype(np.float16))


def test_distractors_join_the_gallery_less_what_the_file_has(
    others: Distractors, captions: Path
) -> None:
    alone = run(captions)
    result = run(captions, distractors=others)
    assert (result.protocol.images, result.protocol.distractors) == (8, 4)
    assert result.image_retrieval.gallery == 12
    assert result.text_retrieval.gallery == 28
    assert (result.image_retrieval.ranks >= alone.image_retrieval.ranks).all()
    assert (result.image_retrieval.ranks > alone.image_retrieval.ranks).any()
    assert result.text_retrieval.ranks.tolist() == alone.text_retrieval.ranks.tolist()
    shown = {path.name for f in result.failures for path, _ in f.returned_images}
    assert "scarlet.png" in shown
    assert result.health.modality_gap == alone.health.modality_gap
    above = result.image_retrieval.ranks.mean() - 1
    assert result.health.ranking_accuracy == pytest.approx(1 - above / 11)


def test_distractors_are_shown_by_their_own_rows(others: Distractors, captions: Path) -> None:
    """Those of the file are cut from the middle: names and rows stay together."""
    result = run(captions, distractors=others)
    rows = dict(zip(others.paths, others.rows.astype(np.float32), strict=True))
    shown = [
        (path, score, failure.caption)
        for failure in result.failures
        for path, score in failure.returned_images
        if path.parent.name == "more"
    ]
    assert {path.name for path, _, _ in shown} >= {"scarlet.png", "olive.png", "second-red.png"}
    for path, score, caption in shown:
        [text] = FakeEncoder().encode_texts([caption])
        assert score == pytest.approx(rows[path] @ text, abs=1e-6)


def test_the_images_of_a_limit_are_not_doubled_but_the_others_join(
    others: Distractors, captions: Path
) -> None:
    result = run(captions, distractors=others, limit=3)
    assert (result.protocol.images, result.protocol.distractors) == (3, 9)


def test_no_distractor_is_left(captions: Path, others: Distractors) -> None:
    own = Distractors(others.paths[2:10], others.rows[2:10])
    result = run(captions, distractors=own)
    assert result.protocol.distractors == 0
    assert result.counts[TEST_IMAGES] == 8
    assert numbers(result) == numbers(run(captions))


def with_contents(paths: Sequence[Path]) -> Distractors:
    rows = FakeEncoder().encode_images([Image.open(path) for path in paths])
    contents = [content_hash(path.read_bytes()) for path in paths]
    return Distractors(paths, rows.astype(np.float16), contents)


def test_copies_of_the_test_images_change_no_number(
    others: Distractors, captions: Path, bench: Workbench
) -> None:
    further = [path for path in others.paths if path.parent.name == "more"]
    copies = [
        Path(shutil.copy(captions.parent / f"{name}.png", bench.photos / f"copy-of-{name}.png"))
        for name in CAPTIONS
    ]
    without = run(captions, distractors=with_contents(further))
    result = run(captions, distractors=with_contents([*further[:2], *copies, *further[2:]]))
    assert numbers(result) == numbers(without)
    assert result.image_retrieval.ranks.tolist() == without.image_retrieval.ranks.tolist()
    assert result.counts[TEST_IMAGES] == 8
    assert without.counts[TEST_IMAGES] == 0
    assert (result.protocol.distractors, result.methods[0].recall) == (4, without.methods[0].recall)


def test_test_images_that_were_saved_anew_are_warned_of(bench: Workbench) -> None:
    """One is a JPEG of the same picture; another has the same mean colour, and is no copy."""
    for name, light in (("left", 0), ("right", 1)):
        ramp = np.linspace(0, 255, 64)[:: 1 - 2 * light]
        pixels = np.repeat(np.repeat(ramp[np.newaxis], 64, axis=0)[..., np.newaxis], 3, axis=2)
        Image.fromarray(pixels.astype(np.uint8)).save(bench.photos / f"{name}.png")
    file = write_csv(bench.photos / "c.csv", {"left": ("grey",)})
    again = bench.photos / "again.jpg"
    Image.open(bench.photos / "left.png").resize((50, 50)).save(again, quality=40)
    result = run(file, distractors=with_contents([bench.photos / "right.png", again]))
    [warning] = odd(result)
    assert warning.startswith(
        "2 of the wrong answers are near a test image (cosine over 0.99), and"
    )
    assert f"1 look the same by perceptual hash, such as {again} and" in warning
    assert result.protocol.distractors == 2
    far = run(file, distractors=with_contents([bench.paint("red.png", "red")]))
    assert odd(far) == []


def test_distractors_take_published_numbers_away(
    others: Distractors, captions: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from searchengine.evaluation.published import PublishedNumber

    row = PublishedNumber("fake", "mine", "image_retrieval_recall@1", 0.25, "a table")
    monkeypatch.setattr("searchengine.evaluation.evaluate.recognise", lambda _images: "mine")
    monkeypatch.setattr("searchengine.evaluation.evaluate.published_for", lambda *_: [row])
    result = run(captions)
    (published,) = result.published
    assert (published.published, published.source) == (0.25, "a table")
    assert published.measured == result.image_retrieval.recall[1]
    assert run(captions, distractors=others).published == ()


# judgements beyond an image's own captions


def test_own_pairs_as_judgements_are_the_measures_of_papers(captions: Path) -> None:
    """Once as qrels by the file's names, with white's third caption right for black as well."""
    lines = [
        f"{name}.png#{k} 0 {name}.png 1" for name in CAPTIONS for k in range(len(CAPTIONS[name]))
    ]
    file = captions.parent / "mine.qrels"
    file.write_text("\n".join(lines), encoding="utf-8")
    result = run(captions, captions_per_image=None, positives=(str(file),))
    [judged] = result.judged
    for mine, theirs in (
        (judged.image_retrieval, result.image_retrieval),
        (judged.text_retrieval, result.text_retrieval),
    ):
        assert {k: mine.metrics[f"recall@{k}"] for k in (1, 5, 10)} == theirs.recall
    assert (judged.pairs, judged.elsewhere) == (2 * sum(map(len, CAPTIONS.values())), 0)
    both = [*lines, "white.png#2 0 black.png 1"]
    file.write_text("\n".join(both), encoding="utf-8")
    [more] = run(captions, captions_per_image=None, positives=(str(file),)).judged
    assert more.pairs == judged.pairs + 2
    assert more.image_retrieval.relevant > judged.image_retrieval.relevant == 1


def test_right_answers_that_are_missing_count_as_never_found(captions: Path) -> None:
    file = captions.parent / "mine.json"
    file.write_text(json.dumps({"red.png#0": ["red.png", "blue.png"], "red.png#1": ["blue.png"]}))
    (captions.parent / "blue.png").unlink()
    [judged] = run(captions, positives=(str(file),)).judged
    assert judged.elsewhere == 2
    assert judged.image_retrieval.queries == 2
    assert judged.image_retrieval.metrics["recall@10"] == 0.5
    assert judged.image_retrieval.metrics["r_precision"] == 0.25
    (captions.parent / "red.png").unlink()
    with pytest.raises(InputError, match=r"mine.json: no right pair"):
        run(captions, positives=(str(file),))


# real data


def test_flickr8k_dev_with_the_starter() -> None:
    file = DATA / "flickr8k_dev" / "dataset_flickr8k.json"
    if not file.exists():
        pytest.skip("no Flickr8k dev photos beside the checkout: not evaluated")
    encoder = load_encoder("starter", device="cpu", precision="float32")
    result = run(file, encoder, limit=40)
    images = json.loads(file.read_text(encoding="utf-8"))["images"][:40]
    pairs = [
        (file.parent / "images" / image["filename"], sentence["raw"])
        for image in images
        for sentence in image["sentences"]
    ]
    assert numbers(result) == script(pairs, encoder, (1, 5, 10))
    assert (result.protocol.split, result.protocol.images, result.protocol.captions) == (
        "val", 40, 200,
    )  # fmt: skip
    assert result.warnings[0].startswith("These are the 1,000 images of Flickr8k dev, but papers")
    assert result.warnings[1].startswith("Only the first 40 of 1,000 images are used")
    assert 0.3 < result.image_retrieval.recall[1] < 1
    assert result.health.true_pair_cosine > result.health.random_pair_cosine + 0.1
