"""The whole recipe, from photos and captions to the shipped file.

    python training/train.py --data ../shared/data --work build/training --out searchengine/starter

Caches in `--work` are reused, so a second run only trains.
"""

from __future__ import annotations

import argparse
import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from assemble import (
    class_prompts,
    load_pooled,
    load_sentences,
    make_benchmark,
    make_classes,
    make_pairs,
)
from cache_images import cache_features
from cache_texts import cache_embeddings
from corpus import Photo, is_tuning, read_karpathy, read_lines, read_pack, without
from export import place_image_tower, save
from finish import TokenBenchmark, Towers, finish
from settings import TO_MINILM, TO_TEACHER, FinishSettings, StudentSettings, TeacherSettings
from shipped import untrained
from student import distil, move
from teacher import Benchmark, Pairs, Teacher, train_teacher
from tower import TextTower, tokenize
from trunk import build_trunk
from vocabulary import cache_meanings

log = logging.getLogger(__name__)

# Every third Flickr30k caption and every second WordNet phrase: embedding all lines with MiniLM
# would take longer than everything else together.
LINE_FILES = {
    "flickr8k_train_captions.txt": 1,
    "coco_captions.txt": 1,
    "flickr30k_train_captions.txt": 3,
    "wordnet_noun_phrases.txt": 2,
}
MIRRORED_SOURCE = "flickr8k"  # the source with own captions gets a second view


@dataclass(frozen=True)
class Job:
    """Where things are, and how much is held out."""

    data: Path
    work: Path
    out: Path
    tuning_share: float
    threads: int


def main() -> None:
    """Parse the command line and run every stage."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="holds pack/ and flickr8k_dev/")
    parser.add_argument("--work", type=Path, required=True, help="caches and logs; 4 GB")
    parser.add_argument("--out", type=Path, required=True, help="folder of the shipped files")
    parser.add_argument(
        "--tuning-share",
        type=float,
        default=0.0,
        help="share of the captioned photos held out for choosing settings",
    )
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    logging.basicConfig(
        level=logging.INFO,
        format="%(asctime)s %(message)s",
        handlers=[logging.StreamHandler(), logging.FileHandler(arguments.work / "train.log")],
    )
    torch.set_num_threads(arguments.threads)
    job = Job(**vars(arguments))
    photos, benchmark = read_pack(job.data / "pack"), read_karpathy(job.data / "flickr8k_dev")
    fill_caches(job, photos, benchmark)
    train(job, photos, benchmark)


def fill_caches(job: Job, photos: list[Photo], benchmark: list[Photo]) -> None:
    """Run both frozen encoders over everything, where that has not been done."""
    mirrored = [photo for photo in photos if photo.source == MIRRORED_SOURCE]
    cache_features(build_trunk(), benchmark, job.work / "benchmark.v0.npy", 0, job.threads)
    cache_features(build_trunk(), photos, job.work / "pack.v0.npy", 0, job.threads)
    cache_features(build_trunk(), mirrored, job.work / "pack.v1.npy", 1, job.threads)
    held_out = [text for photo in benchmark for text in photo.captions]
    cache_embeddings(held_out, job.work / "benchmark", job.threads)
    own = list(dict.fromkeys(text for photo in photos for text in photo.texts))
    cache_embeddings(own, job.work / "photo", job.threads)
    cache_embeddings(class_prompts(), job.work / "classes", job.threads)
    lines = [
        line
        for name, step in LINE_FILES.items()
        for line in read_lines(job.data / "pack", (name,))[::step]
    ]
    cache_embeddings(without(lines, held_out + own), job.work / "lines", job.threads)
    cache_meanings(job.work / "meanings.npy", job.threads)


def load_views(job: Job, photos: list[Photo]) -> torch.Tensor:
    """Pooled features (2, N, 1280): as they are, and mirrored where that was computed."""
    plain = load_pooled(job.work / "pack.v0.npy")
    second = plain.clone()
    rows = [row for row, photo in enumerate(photos) if photo.source == MIRRORED_SOURCE]
    second[rows] = load_pooled(job.work / "pack.v1.npy")
    return torch.stack([plain, second])


def train(job: Job, photos: list[Photo], benchmark: list[Photo]) -> None:
    """Teacher, student, finish, export."""
    views = load_views(job, photos)
    texts, sentences = load_sentences(job.work / "photo")
    tuning = [
        row
        for row, photo in enumerate(photos)
        if photo.source == MIRRORED_SOURCE and is_tuning(photo, job.tuning_share)
    ]
    held_out = {row for row, photo in enumerate(photos) if photo.split == "dev"} | set(tuning)
    kept = [row for row in range(len(photos)) if row not in held_out]
    log.info("training on %d of %d photos", len(kept), len(photos))
    pairs = make_pairs([photos[row] for row in kept], views[:, kept], texts, sentences)
    checks = {"benchmark": (benchmark, load_benchmark(job, benchmark))}
    if tuning:
        chosen = [photos[row] for row in tuning]
        checks["tuning"] = chosen, make_benchmark(chosen, views[0, tuning], texts, sentences)
    trunk = build_trunk()
    classes = make_classes(trunk, load_sentences(job.work / "classes")[1])
    teacher = train_teacher(
        pairs, classes, {name: check for name, (_, check) in checks.items()}, TeacherSettings()
    )
    towers = train_text(job, teacher, pairs, texts, checks)
    towers.tower.fold()
    model = towers.tower.model
    place_image_tower(model, trunk, towers.teacher.image.folded())
    path = save(model, job.out, towers.teacher.log_scale.exp().item())
    log.info("%s: %.1f MB", path, path.stat().st_size / 1e6)


def load_benchmark(job: Job, benchmark: list[Photo]) -> Benchmark:
    """The benchmark as tensors."""
    pooled = load_pooled(job.work / "benchmark.v0.npy")
    return make_benchmark(benchmark, pooled, *load_sentences(job.work / "benchmark"))


def train_text(
    job: Job,
    teacher: Teacher,
    pairs: Pairs,
    texts: list[str],
    checks: dict[str, tuple[list[Photo], Benchmark]],
) -> Towers:
    """Distil MiniLM into a fresh tower, turn it to the teacher's space, train both towers."""
    settings = StudentSettings()
    torch.manual_seed(settings.seed)
    lines, line_sentences = load_sentences(job.work / "lines")
    prompts, prompt_sentences = load_sentences(job.work / "classes")
    ids = tokenize(texts + prompts + lines)
    sentences = torch.cat([pairs.sentences, prompt_sentences, line_sentences])
    meanings = torch.from_numpy(np.load(job.work / "meanings.npy"))
    first = untrained(job.work / "distilled", sentences.shape[1], settings)
    tower = TextTower(first, meanings, torch.unique(torch.cat(ids)))
    distil(tower, ids, sentences, TO_MINILM)
    with torch.no_grad():
        targets = teacher.texts(sentences)
    own = len(texts)
    move(tower, untrained(job.out, TeacherSettings().dim, settings), ids[:own], targets[:own])
    distil(tower, ids, targets, TO_TEACHER)
    tokened = {
        name: TokenBenchmark(check, tokenize([t for photo in photos for t in photo.captions[:5]]))
        for name, (photos, check) in checks.items()
    }
    return finish(Towers(tower, teacher), pairs, ids, targets, tokened, FinishSettings())


if __name__ == "__main__":
    main()
