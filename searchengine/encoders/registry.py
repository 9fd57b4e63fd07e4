"""The encoders clipseek recommends: a table of published facts, and which are on this machine.

Sources: parameters, input size and dimension from open_clip's docs/model_profile.csv; zero-shot
text-to-image R@1 from open_clip's docs/openclip_retrieval_results.csv (columns "Flickr image
retr. R@1", 1,000 images, and "MSCOCO image retr. R@1", 5,000 images); licences from the model
cards on the Hugging Face hub.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from searchengine.encoders import hub
from searchengine.encoders.names import (
    DIR_PREFIX,
    HUB_PREFIX,
    STARTER,
    canonical_name,
    is_path,
    split_name,
)

STARTER_DIR = Path(__file__).parent / STARTER
"""Where the starter's config and weights lie in the package."""

RECOMMENDED = "ViT-B-32/laion2b_s34b_b79k"
"""What `auto` means: the fastest encoder with full recall, MIT licence, 605 MB to download."""


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """One recommended encoder."""

    name: str
    """The name `load_encoder` takes."""
    parameters: float
    """Millions, image and text towers together."""
    input_size: int
    """Longer side of the model's input, in pixels."""
    dim: int
    """Length of the vectors."""
    licence: str
    """Of the weights: an SPDX identifier."""
    flickr30k_r1: float | None
    """Published zero-shot text-to-image R@1 in [0, 1], None where nobody published one."""
    coco_r1: float | None
    """The same on the 5,000 COCO test images."""
    note: str
    hub_repo: str | None = None
    """Where the weights are on the Hugging Face hub; None where they ship with clipseek."""


MODELS: tuple[ModelInfo, ...] = (
    ModelInfo(
        STARTER,
        20.69,
        224,
        256,
        "see NOTICE",
        None,
        None,
        "ships with clipseek: works offline at once, weak on fine detail",
    ),
    ModelInfo(
        RECOMMENDED,
        151.28,
        224,
        512,
        "MIT",
        0.6678,
        0.3934,
        "the default: fast on a CPU",
        "laion/CLIP-ViT-B-32-laion2B-s34B-b79K",
    ),
    ModelInfo(
        "ViT-B-32-256/datacomp_s34b_b86k",
        151.29,
        256,
        512,
        "MIT",
        0.6492,
        0.3993,
        "as fast, trained on cleaner data",
        "laion/CLIP-ViT-B-32-256x256-DataComp-s34B-b86K",
    ),
    ModelInfo(
        "ViT-B-16/laion2b_s34b_b88k",
        149.62,
        224,
        512,
        "MIT",
        0.6984,
        0.4231,
        "sees finer detail at four times the cost an image",
        "laion/CLIP-ViT-B-16-laion2B-s34B-b88K",
    ),
    ModelInfo(
        "ViT-B-16/datacomp_xl_s13b_b90k",
        149.62,
        224,
        512,
        "MIT",
        0.6756,
        0.4016,
        "the same size, trained on cleaner data",
        "laion/CLIP-ViT-B-16-DataComp.XL-s13B-b90K",
    ),
    ModelInfo(
        "EVA02-B-16/merged2b_s8b_b131k",
        149.69,
        224,
        512,
        "MIT",
        0.7146,
        0.4215,
        "the best of its size without other packages",
        "timm/eva02_base_patch16_clip_224.merged2b_s8b_b131k",
    ),
    ModelInfo(
        "ViT-B-16-SigLIP/webli",
        203.16,
        224,
        768,
        "Apache-2.0",
        0.7468,
        0.4778,
        "the best of its size; needs: pip install transformers",
        "timm/ViT-B-16-SigLIP",
    ),
    ModelInfo(
        "xlm-roberta-base-ViT-B-32/laion5b_s13b_b90k",
        366.12,
        224,
        512,
        "MIT",
        0.6448,
        0.3778,
        "queries in about 100 languages; needs: pip install transformers",
        "laion/CLIP-ViT-B-32-xlm-roberta-base-laion5B-s13B-b90k",
    ),
    ModelInfo(
        "ViT-L-14/laion2b_s32b_b82k",
        427.62,
        224,
        768,
        "MIT",
        0.7552,
        0.4651,
        "for a GPU",
        "laion/CLIP-ViT-L-14-laion2B-s32B-b82K",
    ),
    ModelInfo(
        "ViT-L-14/datacomp_xl_s13b_b90k",
        427.62,
        224,
        768,
        "MIT",
        0.7338,
        0.4573,
        "for a GPU, trained on cleaner data",
        "laion/CLIP-ViT-L-14-DataComp.XL-s13B-b90K",
    ),
    ModelInfo(
        "ViT-H-14/laion2b_s32b_b79k",
        986.11,
        224,
        1024,
        "MIT",
        0.7764,
        0.4948,
        "the strongest here, for a GPU",
        "laion/CLIP-ViT-H-14-laion2B-s32B-b79K",
    ),
)


def is_cached(name: str) -> bool:
    """Whether the weights of an encoder are on this machine. No network, no model.

    Knows the recommended encoders, `hf-hub:` names and paths; False for any other name.
    """
    name = canonical_name(name)
    if name == STARTER:
        return (STARTER_DIR / hub.CONFIG_FILE).is_file()
    if name.startswith(DIR_PREFIX):
        return (Path(name.removeprefix(DIR_PREFIX)) / hub.CONFIG_FILE).is_file()
    if name.startswith(HUB_PREFIX):
        return hub.cached_file(name.removeprefix(HUB_PREFIX), hub.WEIGHTS_FILES) is not None
    rest = split_name(name)[1]
    if is_path(rest):
        return Path(rest).is_file()
    repo = next((model.hub_repo for model in MODELS if model.name == name), None)
    return repo is not None and hub.cached_file(repo, hub.WEIGHTS_FILES) is not None


def choose_default(
    *,
    cached: Callable[[str], bool] = is_cached,
    probe: Callable[[], str | None] = hub.why_unreachable,
) -> tuple[str, str | None]:
    """The encoder that `auto` stands for, and a sentence for the user where it is second best.

    `cached` says whether an encoder's weights are here, `probe` why the hub does not answer
    (None where it does). Takes 5 s at most; imports neither torch nor open_clip.
    """
    if cached(RECOMMENDED):
        return RECOMMENDED, None
    why = probe()
    if why is None:
        return RECOMMENDED, None
    return STARTER, (
        f"{RECOMMENDED} is not downloaded yet and the model hub is out of reach: {why}; "
        f"this library uses the small encoder {STARTER!r}, which finds much less. To change that "
        f"later: clipseek index PATH --model {RECOMMENDED}"
    )
