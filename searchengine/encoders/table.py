"""The encoders clipseek knows of: models.csv, a table of published facts with their sources."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

SOURCES = {
    "open_clip": "open_clip, docs/model_profile.csv, docs/openclip_retrieval_results.csv (columns "
    '"Flickr image retr. R@1", 1,000 images, and "MSCOCO image retr. R@1", 5,000 images) and '
    "src/open_clip/model_configs",
    "card": "the model card on the Hugging Face hub (licence); of starter the one that ships",
    "counted": "parameters and torch.utils.flop_counter of the architecture, as model_profile.csv",
    "immich": "immich, docs/docs/features/searching.md: Crossmodal-3600, by language, float32",
    "big_vision": "google-research/big_vision, README_siglip2.md: COCO T→I",
    "perception_models": "facebookresearch/perception_models, apps/pe/README.md: COCO-T2I",
}
"""Where the facts of a row are published, by its name in the table."""

FREE_LICENCES = ("MIT", "Apache-2.0")
"""Those of weights that anybody may use for anything; others are for research alone."""

KNOWS_FROM = 0.5
"""An encoder knows a language of Crossmodal-3600 from this published mean of R@1, 5 and 10 on; in
English, which all of them know, it is 0.69 to 0.76."""

SIZES = {"small": "little memory", "balanced": "a GPU", "best": "the best answers"}
"""Words for people, and the use of the column `take_for` that each stands for. On a CPU `balanced`
is what is taken for a CPU."""

TEMPLATE = "a photo of a/an {}"
"""What a name is put into where the table does not say: the words that CLIPs are asked in since
Radford et al., 2021, section 3.1.4, without the full stop. `labels/prompts.py` fills it."""

_YARDSTICK_GFLOPS = 8.82
"""Of an image through ViT-B-32."""

_FILE = Path(__file__).with_name("models.csv")


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """One encoder, as it is published."""

    name: str
    """The name `load_encoder` takes."""
    parameters: float
    """Millions, image and text towers together."""
    input_size: int
    """Longer side of the model's input, in pixels."""
    dim: int
    """Length of the vectors."""
    context: int
    """Tokens of a text, at most; more are cut."""
    licence: str
    """Of the weights: an SPDX identifier where there is one."""
    languages: tuple[str, ...]
    """ISO 639-1 codes of those it knows (see `KNOWS_FROM`), in alphabetical order; empty where it
    was made for many and nobody published which."""
    flickr30k_r1: float | None
    """Zero-shot text-to-image R@1 in [0, 1], None where it is in none of `SOURCES`."""
    coco_r1: float | None
    """The same on the 5,000 COCO test images."""
    xm3600_en: float | None
    """Mean of R@1, 5 and 10 in [0, 1], text to image, on Crossmodal-3600 in English."""
    image_gflops: float
    """Billions of floating-point operations for an image: about what its time goes by."""
    text_gflops: float
    """The same for a text of the full context."""
    take_for: str
    """What it is recommended for, in words; empty for most."""
    note: str
    sources: tuple[str, ...]
    """Keys of `SOURCES`."""
    hub_repo: str | None
    """Where the weights are on the Hugging Face hub; None where they ship with clipseek."""

    template: str
    """What the name of a thing is put into for this encoder to know it best (see `TEMPLATE`)."""
    names_scale: float | None
    """What its cosines with names are multiplied by, so that names are right as often as they are
    probable: the likeliest scale for photos it did not learn from (Guo et al., 2017), which
    `benchmarks/scale.py` finds. None where the checkpoint's own `logit_scale` serves."""

    @property
    def free(self) -> bool:
        """Whether anybody may use the weights for anything."""
        return self.licence in FREE_LICENCES

    @property
    def bytes(self) -> int:
        """Of the weights in float32: what is downloaded, and what they take in memory."""
        return round(self.parameters * 4e6)


@cache
def models() -> tuple[ModelInfo, ...]:
    """Every row of the table, in its order: the cheapest first, those for research alone last."""
    with _FILE.open(encoding="utf-8", newline="") as file:
        return tuple(_read(row) for row in csv.DictReader(file))


def find_model(name: str) -> ModelInfo | None:
    """The row of an encoder's canonical name."""
    return next((model for model in models() if model.name == name), None)


def template_of(name: str) -> str:
    """What names are put into for an encoder, whether it is in the table or not."""
    model = find_model(name)
    return TEMPLATE if model is None else model.template


def names_scale_of(name: str, learned: float) -> float:
    """What an encoder's cosines with names are multiplied by; `learned` is its `logit_scale`."""
    model = find_model(name)
    return learned if model is None or model.names_scale is None else model.names_scale


def named_by(word: str, *, gpu: bool) -> ModelInfo | None:
    """The encoder that a word of `SIZES` means on a machine; None for another word."""
    if word == "balanced" and not gpu:
        return taken_for("a CPU")
    return taken_for(SIZES[word]) if word in SIZES else None


def taken_for(use: str) -> ModelInfo:
    """The encoder that is recommended for a use of the column `take_for`. Raises KeyError."""
    for model in models():
        if model.take_for == use:
            return model
    raise KeyError(use)


def cost_of(model: ModelInfo) -> str:
    """What an encoder costs: to download, in memory, of work an image, and on the disk."""
    work = model.image_gflops / _YARDSTICK_GFLOPS
    return (
        f"{model.bytes / 1e9:.1f} GB to download once, as much memory while it runs, {work:.1f} "
        f"times the work of ViT-B-32 an image, and {2 * model.dim / 1000:.1f} kB an image in the "
        "library"
    )


def knowing(language: str, among: Iterable[ModelInfo] | None = None) -> Sequence[ModelInfo]:
    """The free encoders that know a language (ISO 639-1), in the table's order."""
    among = models() if among is None else among
    return [model for model in among if model.free and language in model.languages]


def _read(row: dict[str, str]) -> ModelInfo:
    return ModelInfo(
        name=row["name"],
        parameters=float(row["parameters"]),
        input_size=int(row["input_size"]),
        dim=int(row["dim"]),
        context=int(row["context"]),
        licence=row["licence"],
        languages=tuple(row["languages"].split()),
        flickr30k_r1=_number(row["flickr30k_r1"]),
        coco_r1=_number(row["coco_r1"]),
        xm3600_en=_number(row["xm3600_en"]),
        image_gflops=float(row["image_gflops"]),
        text_gflops=float(row["text_gflops"]),
        take_for=row["take_for"],
        note=row["note"],
        sources=tuple(row["sources"].split()),
        hub_repo=row["hub_repo"] or None,
        template=row["template"] or TEMPLATE,
        names_scale=_number(row["names_scale"]),
    )


def _number(text: str) -> float | None:
    return float(text) if text else None
