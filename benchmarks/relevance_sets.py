"""The photos and queries that relevance is fitted and judged on."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.captions import encoded
from searchengine.datasets.dataset import read_dataset
from searchengine.encoders.interface import Encoder
from searchengine.images.decode import read_image
from searchengine.types import Vectors

ANIMALS, DOGS = range(398), range(151, 269)
"""Of ImageNet's classes. Captions say "dog" and not which, so that no breed is surely absent."""
WORDS = re.compile("[a-z]+")

_OUTDOORS = """
airplane baby ball baseball basketball beach bench bicycle bike bird boat bridge bus camel
camera car cat child climber cowboy crowd dog field fire flag football fountain guitar hat
helmet horse jacket lake motorcycle mountain ocean park pool river road rock rope sand
skateboard skier snow snowboarder street surfer swing tent train tree truck umbrella water wave
"""
NOUNS = _OUTDOORS.split()
"""What photos of people outdoors show: right are those of which two captions say it."""

_INDOORS = """
zebra zebras giraffe giraffes toilet toilets pizza broccoli laptop sink refrigerator oven donut
donuts sandwich banana bananas microwave bathroom kitchen elephant elephants teddy keyboard cake
bed stove
"""
STRANGE = set(_INDOORS.split())
"""A caption of COCO with one of these is of nothing here where no caption here has the word."""

SHOWN = """
horse: brown-horse
chameleon: chameleon
lizard: chameleon
crocodile: crocodiles
parrot: flying-parrot
bird: flying-parrot osprey penguin
panda: giant-panda
toad: golden-toad
frog: golden-toad
fish: goldfish hammerhead-shark
goldfish: goldfish
shark: hammerhead-shark
bee: honey-bee
moose: moose
kitten: orange-kitten
cat: orange-kitten tabby-cat-face
otter: otters
penguin: penguin
raccoon: raccoon
dog: two-dogs-at-window
orange: citrus-slices
lemon: citrus-slices
fruit: citrus-slices fig-in-red-bowl
cup: coffee-cup
coffee: coffee-cup
fig: fig-in-red-bowl
bowl: fig-in-red-bowl
flower: blue-flowers dandelions orange-dahlia honey-bee
dandelion: dandelions
dune: desert-dune
desert: desert-dune
creek: forest-creek
waterfall: forest-creek
forest: forest-creek
lake: mountain-lake lakeside-pagoda
mountain: mountain-lake mountain-trail brown-horse great-wall
trail: mountain-trail
ocean: ocean-sunset
sea: ocean-sunset hammerhead-shark
sunset: ocean-sunset city-street-sunset dandelions observatory-domes
plantation: tea-hills
coin: ancient-coins
baseball: baseball
ball: baseball
drum: drum-kit-and-guitar living-room-drum
guitar: drum-kit-and-guitar
hammer: hammer
brush: paint-brushes
pencil: pencil
astronaut: astronaut
flag: astronaut
band: band-on-stage
concert: band-on-stage
musician: band-on-stage didgeridoo-player
stairs: climbing-stairs
didgeridoo: didgeridoo-player
photographer: photographer
camera: photographer
tripod: photographer
skyline: city-skyline-dusk
city: city-skyline-dusk city-street-sunset
amphitheater: colosseum
courtyard: courtyard-from-below
igloo: igloo
snow: igloo mountain-lake brown-horse city-street-sunset mountain-trail
pagoda: lakeside-pagoda
temple: lakeside-pagoda
tower: leaning-tower lakeside-pagoda climbing-stairs
observatory: observatory-domes
dome: observatory-domes
bridge: steel-frame-bridge suspension-bridge-night
windmill: windmill
nebula: ring-nebula
rocket: rocket-on-pad
planet: saturn
saturn: saturn
brick: brick-wall
wall: brick-wall great-wall
spiral: spiral-lines
woman: astronaut
"""
"""What the sample photos show, in single words, and the stems of their files."""

NOT_SHOWN = """
zebra giraffe elephant kangaroo camel pig cow sheep lion tiger hippopotamus monkey gorilla
rabbit squirrel snake turtle octopus lobster jellyfish butterfly spider scorpion snail owl swan
flamingo ostrich peacock toilet refrigerator microwave oven sink bathtub pizza hamburger
sandwich banana broccoli strawberry cake donut bread cheese sushi laptop keyboard printer
telephone television bicycle motorcycle helicopter airplane submarine tractor bus truck
ambulance skateboard surfboard ski umbrella violin piano accordion trumpet harp saxophone shoe
necktie sunglasses wig bride wedding baby dentist surgeon sword cannon tank rifle chainsaw
screwdriver scissors syringe toothbrush candle fireworks volcano iceberg cactus mushroom
pineapple pumpkin corn chess dice
"""
"""What none of them shows."""


@dataclass(frozen=True, eq=False)
class Judge:
    """A library with queries for what its photos show, and for what none does."""

    name: str
    rows: Vectors
    present: Vectors
    right: Sequence[set[int]]
    """The rows that each of `present` is right for."""
    absent: Vectors
    is_complete: bool = True
    """Whether a photo that is not in `right` is wrong: captions are of one photo, and fit more."""


@dataclass(frozen=True, eq=False)
class Sets:
    """What is fitted on and judged by."""

    fitting: Sequence[Judge]
    judging: Sequence[Judge]
    """Those that promises are made of: the other halves, and the sample photos."""
    blind: Sequence[Judge]
    """Others, which nothing was looked at for; the starter has learned from their photos."""
    unrelated: Vectors
    """Of photos of none of them."""


def sets(encoder: Encoder, data: Path, samples: Path) -> Sets:
    """Read and encode them all."""
    names = lines(data / "pack/text/imagenet_classnames.txt")
    of_names = dict(zip(names, encoded(encoder, names), strict=True))
    strange = [t for t in lines(data / "pack/text/coco_captions.txt") if STRANGE & words(t)]
    of_strange = dict(zip(strange, encoded(encoder, strange), strict=True))
    animals = [names[number] for number in ANIMALS if number not in DOGS]

    def absent_animals(captions: Iterable[str]) -> Vectors:
        there = set[str]().union(*map(words, captions))
        return np.stack([of_names[name] for name in animals if not words(name) & there])

    packed = [json.loads(line) for line in lines(data / "pack/pack.jsonl")]
    nips = [each for each in packed if each["source"] == "nips2017_imagenet"]
    nips_rows = pictures(encoder, [data / "pack" / each["file"] for each in nips])

    def of_nips(part: NDArray[np.int64], name: str) -> Judge:
        labels = [nips[number]["labels"][0] for number in part]
        there = sorted(set(labels) & of_names.keys())
        right = [{row for row, label in enumerate(labels) if label == each} for each in there]
        absent = [of_names[each] for each in names if each not in set(labels)]
        present = np.stack([of_names[each] for each in there])
        return Judge(name, nips_rows[part], present, right, np.stack(absent))

    dev = read_dataset(data / "flickr8k_dev/dataset_flickr8k.json").images
    folder = data / "flickr8k_dev/images"
    dev_rows = pictures(encoder, [folder / Path(each.file).name for each in dev])
    captions = [each.captions[:5] for each in dev]
    of_captions = encoded(encoder, [text for five in captions for text in five])
    of_nouns = dict(zip(NOUNS, encoded(encoder, list(NOUNS)), strict=True))

    def of_dev(part: NDArray[np.int64], name: str) -> list[Judge]:
        here = [captions[number] for number in part]
        there = set[str]().union(*(words(text) for five in here for text in five))
        absent = np.stack([v for text, v in of_strange.items() if words(text) & STRANGE - there])
        present = of_captions.reshape(len(dev), 5, -1)[part].reshape(5 * len(part), -1)
        by_caption = [{row} for row in range(len(part)) for _ in range(5)]
        shown = {
            noun: {
                row
                for row, five in enumerate(here)
                if sum(bool({noun, noun + "s"} & words(text)) for text in five) > 1
            }
            for noun in NOUNS
        }
        shown = {noun: rows for noun, rows in shown.items() if rows}
        return [
            Judge(f"{name}, captions", dev_rows[part], present, by_caption, absent, False),
            Judge(
                f"{name}, nouns",
                dev_rows[part],
                np.stack([of_nouns[noun] for noun in shown]),
                list(shown.values()),
                absent_animals([text for five in here for text in five]),
            ),
        ]

    with (samples / "captions.csv").open(encoding="utf-8", newline="") as file:
        said = [(line["image"], line["caption"]) for line in csv.DictReader(file)]
    files = sorted({name for name, _ in said})
    sample = Judge(
        "samples",
        pictures(encoder, [samples / "photos" / name for name in files]),
        encoded(encoder, [text for _, text in said]),
        [{files.index(name)} for name, _ in said],
        absent_animals([text for pair in said for text in pair]),
    )
    shown = dict(line.split(": ") for line in SHOWN.split("\n") if line)
    stems = [Path(name).stem for name in files]
    short = Judge(
        "samples, a noun each",
        sample.rows,
        encoded(encoder, [with_article(noun) for noun in shown]),
        [{stems.index(stem) for stem in where.split()} for where in shown.values()],
        encoded(encoder, [with_article(noun) for noun in NOT_SHOWN.split()]),
    )

    def of_labels(name: str, sources: set[str]) -> Judge:
        some = [each for each in packed if each["source"] in sources]
        labels = [each["labels"][0] for each in some]
        there = sorted(set(labels))
        said = set[str]().union(*map(words, there))
        return Judge(
            name,
            pictures(encoder, [data / "pack" / each["file"] for each in some]),
            encoded(encoder, there),
            [{row for row, label in enumerate(labels) if label == each} for each in there],
            np.stack([of_names[each] for each in names if not words(each) & said]),
        )

    nips_halves, dev_halves = halves(len(nips)), halves(len(dev))
    unrelated = [each for each in packed if each["source"] == "caltech101"]
    return Sets(
        [of_nips(nips_halves[0], "names"), *of_dev(dev_halves[0], "Flickr8k")],
        [of_nips(nips_halves[1], "names"), *of_dev(dev_halves[1], "Flickr8k"), sample],
        [
            short,
            of_labels("five of each thing", {"imagen_det200"}),
            of_labels("thirty of each animal and sport", {"popular_animals", "sports22"}),
        ],
        pictures(encoder, [data / "pack" / each["file"] for each in unrelated]),
    )


def with_article(noun: str) -> str:
    """As people write it."""
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def halves(count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The numbers below `count` in two halves, drawn once and for all."""
    drawn = np.random.default_rng(0).permutation(count)
    return np.sort(drawn[: count // 2]), np.sort(drawn[count // 2 :])


def pictures(encoder: Encoder, files: Sequence[Path]) -> Vectors:
    """Unit rows, shape (n, d), as they are stored: in float16."""
    parts = []
    for start in range(0, len(files), 16):
        decoded = [
            read_image(file.read_bytes(), input_size=encoder.input_size)[0]
            for file in files[start : start + 16]
        ]
        parts.append(encoder.encode_images(decoded))
    return np.concatenate(parts).astype(np.float16).astype(np.float32)


def lines(file: Path) -> list[str]:
    """Those of a text file."""
    return file.read_text("utf-8").splitlines()


def words(text: str) -> set[str]:
    """In small letters."""
    return set(WORDS.findall(text.lower()))
