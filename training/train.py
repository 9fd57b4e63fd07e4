r"""The whole recipe, from photos and captions to the shipped file.

    python training/train.py --data ../shared/data --work build/training \
        --out searchengine/encoders/starter

What a stage leaves in `--work` is used again by the next run.
"""

from __future__ import annotations

import argparse
import logging
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from align import Material, Towers, align
from assemble import (
    class_prompts,
    labelling_check,
    load_photos,
    pooled_features,
    pooled_material,
    retrieval_check,
)
from attributes import attribute_texts, find_attributes
from cache_images import cache_view
from cache_texts import cache_embeddings
from colours import cache_colours
from corpus import Photo, is_tuning, read_karpathy, read_lines, read_pack, without
from export import place_image_tower, save
from heads import ImageHead, SentenceText
from names import follow, move_names
from photos import load_view
from settings import (
    CAPTIONED_VIEWS,
    DIM,
    FINISH,
    KEPT_SHARE,
    REFIT,
    SETTLE,
    TEACHER,
    VIEWS,
    DistilSettings,
    HeadSettings,
    StudentSettings,
)
from shipped import untrained
from student import StayingText, TokenText, distil
from texts import Texts, load_texts
from tower import TextTower, tokenize
from trunk import Pooled, Upper, blend, build_folded
from vocabulary import cache_meanings

log = logging.getLogger(__name__)

# Every second phrase and every fourth gloss of WordNet: more of them would crowd out the captions.
LINE_FILES = {
    "flickr8k_train_captions.txt": 1,
    "coco_captions.txt": 1,
    "flickr30k_train_captions.txt": 1,
    "wordnet_noun_phrases.txt": 2,
    "wordnet_noun_glosses.txt": 4,
    "imagenet_classnames.txt": 1,
}
HELD_TEXTS = 8000  # texts that stay where they are while the names move
LEARNED_TEXTS = ("photo", "classes", "attributes", "lines")
CAPTIONED_SOURCE = "flickr8k"
LABELLED_CHECK = (
    "nips2017_imagenet"  # held out whole: photos of ImageNet's classes, not of ImageNet
)


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
    job = Job(**vars(parser.parse_args()))
    job.work.mkdir(parents=True, exist_ok=True)
    logging.basicConfig(
        level=logging.INFO,
        format="%(asctime)s %(message)s",
        handlers=[logging.StreamHandler(), logging.FileHandler(job.work / "train.log")],
    )
    torch.set_num_threads(job.threads)
    torch.set_flush_denormal(True)  # gradients become so small that they slow the processor down
    photos, benchmark = read_pack(job.data / "pack"), read_karpathy(job.data / "flickr8k_dev")
    fill_caches(job, photos, benchmark)
    train(job, photos, benchmark)


def fill_caches(job: Job, photos: list[Photo], benchmark: list[Photo]) -> None:
    """Run what stays as published over everything, where that has not been done."""
    cache_view(benchmark, job.work / "benchmark.v0.npy", 0)
    for number in range(VIEWS):
        cache_view(photos, job.work / f"pack.v{number}.npy", number)
    captioned = [photo for photo in photos if photo.captions]
    for number in range(VIEWS, CAPTIONED_VIEWS):
        cache_view(captioned, job.work / f"captioned.v{number}.npy", number)
    held_out = [text for photo in benchmark for text in photo.captions]
    cache_embeddings(held_out, job.work / "benchmark", job.threads)
    own = list(dict.fromkeys(text for photo in photos for text in photo.texts))
    cache_embeddings(own, job.work / "photo", job.threads)
    cache_embeddings(class_prompts(), job.work / "classes", job.threads)
    cache_embeddings(attribute_texts(photos), job.work / "attributes", job.threads)
    cache_colours(photos, job.work / "colours.npy")
    lines = [
        line
        for name, step in LINE_FILES.items()
        for line in read_lines(job.data / "pack", (name,))[::step]
    ]
    cache_embeddings(without(lines, held_out + own), job.work / "lines", job.threads)
    cache_meanings(job.work / "meanings.npy", job.threads)


def train(job: Job, photos: list[Photo], benchmark: list[Photo]) -> None:
    """Teacher, its blend with what was published, student, finish, names, image head, export."""
    texts = load_texts(job.work, LEARNED_TEXTS, "benchmark")
    material = collect(job, photos, benchmark, texts)
    trunk, published = build_folded(), build_folded()
    upper = blend(teach(job, trunk, material, texts), Upper(published), KEPT_SHARE)
    material = pooled_material(material, upper)
    towers = settle(material, texts)
    with torch.no_grad():
        rows = torch.arange(len(texts.places))
        anchors = torch.cat([towers.text.embed(part) for part in rows.split(4096)])
    student = learn(job, texts, anchors)
    anchors[material.names] = placed_names(towers, material, anchors[material.names])
    towers.text = student
    towers = align(towers, replace(material, anchors=anchors), FINISH)
    put_names(towers, material, texts)
    tower = towers.text.tower
    towers = refit(material, towers.text)
    tower.fold()
    place_image_tower(tower.model, trunk, towers.image.folded())
    path = save(tower.model, job.out, towers.log_scale.exp().item())
    log.info("%s: %.1f MB", path, path.stat().st_size / 1e6)


def collect(job: Job, photos: list[Photo], benchmark: list[Photo], texts: Texts) -> Material:
    """What is trained on, and what is held out to check it."""
    pack = load_photos(job.work, photos, texts)
    tuning = [
        row
        for row, photo in enumerate(photos)
        if photo.source == CAPTIONED_SOURCE and is_tuning(photo, job.tuning_share)
    ]
    labelled = [row for row, photo in enumerate(photos) if photo.source == LABELLED_CHECK]
    unseen = {row for row, photo in enumerate(photos) if photo.split == "dev"}
    unseen.update(tuning, labelled)
    kept = [row for row in range(len(photos)) if row not in unseen]
    log.info("training on %d of %d photos", len(kept), len(photos))
    plain = load_view(job.work / "benchmark.v0.npy", torch.arange(len(benchmark)))
    checks = {
        "benchmark": retrieval_check(plain, benchmark, list(range(len(benchmark))), texts),
        "labels": labelling_check(pack.views[0], photos, labelled, texts),
    }
    if tuning:
        checks["tuning"] = retrieval_check(pack.views[0], photos, tuning, texts)
    return Material(
        photos=pack,
        kept=torch.tensor(kept),
        sentences=texts.sentences,
        names=texts.rows(class_prompts()),
        checks=checks,
        attributes=find_attributes(photos, job.work / "colours.npy", texts),
    )


def teach(job: Job, trunk: torch.nn.Module, material: Material, texts: Texts) -> Upper:
    """Stage 2: the upper part of `trunk`, in place, learns what MiniLM's sentences ask of it."""
    torch.manual_seed(TEACHER.seed)
    upper = Upper(trunk)
    done = job.work / "upper.pt"
    if done.exists():
        upper.load_state_dict(torch.load(done, weights_only=True))
        return upper.eval()
    features = pooled_features(material.photos.views[0].maps[::4], upper)
    towers = align(new_towers(upper, features, texts), material, TEACHER)
    upper.load_state_dict(towers.upper.state_dict())
    torch.save(upper.state_dict(), done)
    return upper.eval()


def settle(material: Material, texts: Texts) -> Towers:
    """Stage 3: two new heads for the blended trunk, which stays from here on."""
    torch.manual_seed(SETTLE.seed)
    features = material.photos.views[0].maps[::4].flatten(1)
    return align(new_towers(Pooled(), features, texts), material, SETTLE)


def new_towers(upper: Upper | Pooled, features: torch.Tensor, texts: Texts) -> Towers:
    """An image head for `features` (M, 1280) and a head on MiniLM's rows, untrained."""
    settings = HeadSettings()
    return Towers(upper, ImageHead(features, settings), SentenceText(texts.sentences, settings))


def placed_names(towers: Towers, material: Material, names: torch.Tensor) -> torch.Tensor:
    """The class names' embeddings (1000, D), moved to where the photos are."""
    view = material.photos.views[0]
    images = towers.see(view, view.place[material.kept])
    classes = torch.softmax(view.logits[material.kept].float(), 1)
    return move_names(images, classes, names, TEACHER.class_scale)


def put_names(towers: Towers, material: Material, texts: Texts) -> None:
    """Stage 6: the text tower learns where the finished pictures want the class names."""
    torch.manual_seed(FINISH.seed)
    with torch.no_grad():
        names = torch.cat([towers.text.embed(part) for part in material.names.split(256)])
    moved = placed_names(towers, material, names)
    others = torch.randperm(texts.learned)
    others = others[~torch.isin(others, material.names)][:HELD_TEXTS]
    follow(towers.text, material.names, moved, others)
    for name, check in material.checks.items():
        log.info("names put: %s %s", name, check.report(towers))


def refit(material: Material, text: TokenText) -> Towers:
    """Stage 7: a new image head for the text tower as it came out, which stays."""
    torch.manual_seed(REFIT.seed)
    features = material.photos.views[0].maps[::4].flatten(1)
    head = ImageHead(features, HeadSettings())
    return align(Towers(Pooled(), head, StayingText(text)), material, REFIT)


def learn(job: Job, texts: Texts, anchors: torch.Tensor) -> TokenText:
    """Stage 4: open_clip's text tower repeats the teacher's text side."""
    settings = StudentSettings()
    torch.manual_seed(settings.seed)
    ids = tokenize(list(texts.places))
    learned = ids[: texts.learned]
    meanings = torch.from_numpy(np.load(job.work / "meanings.npy"))
    tower = TextTower(untrained(job.out, DIM, settings), meanings, torch.unique(torch.cat(learned)))
    done = job.work / "student.pt"
    if done.exists():
        tower.load_state_dict(torch.load(done, weights_only=True))
    else:
        distil(tower, learned, anchors[: texts.learned], DistilSettings())
        torch.save(tower.state_dict(), done)
    return TokenText(tower, ids)


if __name__ == "__main__":
    main()
