"""An architecture with random weights: as fast as a trained one, and nothing is downloaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from searchengine.devices import choose_device
from searchengine.encoders.names import (
    DIR_PREFIX,
    HUB_PREFIX,
    STARTER_DIR,
    STARTER_SIZES,
    split_name,
)
from searchengine.encoders.openclip.build import Parts, fingerprint, logit_scale_of, quiet
from searchengine.encoders.openclip.encoder import ClipEncoder
from searchengine.encoders.openclip.precision import place
from searchengine.encoders.openclip.sources import require_architecture, require_directory
from searchengine.encoders.preprocess import Preprocessing
from searchengine.errors import EncoderError


def untrained(name: str, device: str, precision: str) -> ClipEncoder:
    """The encoder of this canonical name, of random weights; every text has the same ids.

    Raises EncoderError for one that cannot be built here, UnknownEncoderError, and
    DeviceUnavailableError.
    """
    import torch

    with quiet(), torch.inference_mode(False):
        device = choose_device(device)
        architecture = _architecture(name)
        try:
            parts = _parts(architecture, STARTER_SIZES.get(name))
        except OSError as error:  # of transformers, for the config of a text tower of its own
            raise EncoderError(
                f"{name} cannot be measured: its text tower is described on the model hub alone"
            ) from error
        model, precision = place(parts, device, precision, fingerprint(parts.model.state_dict()))
    return ClipEncoder(
        name=name,
        dim=parts.dim,
        input_size=parts.input_size,
        logit_scale=parts.logit_scale,
        device=device,
        precision=precision,
        fingerprint="",
        files=(),
        model=model,
        preprocessing=parts.preprocessing,
        tokenizer=parts.tokenizer,
    )


def _architecture(name: str) -> str:
    if name in STARTER_SIZES:
        return f"{DIR_PREFIX}{STARTER_DIR}"
    if name.startswith(DIR_PREFIX):
        require_directory(Path(name.removeprefix(DIR_PREFIX)))
        return name
    if name.startswith(HUB_PREFIX):
        raise EncoderError(f"{name} is described on the model hub alone; name it as ARCH/TAG")
    arch = split_name(name)[0]
    require_architecture(name, arch)
    return arch


def _parts(architecture: str, size: int | None) -> Parts:
    import open_clip
    import torch

    model, _, _ = open_clip.create_model_and_transforms(
        architecture, load_weights=False, pretrained_hf=False, force_image_size=size
    )
    config = open_clip.get_model_config(architecture)
    context = int(config["text_cfg"].get("context_length", 77))
    preprocessing = Preprocessing.of(model.visual.preprocess_cfg)

    def tokenizer(texts: list[str]) -> Any:  # noqa: ANN401 - a tensor of ids, shape (n, context)
        return torch.ones((len(texts), context), dtype=torch.long)

    return Parts(
        model=model.eval(),
        tokenizer=tokenizer,
        preprocessing=preprocessing,
        dim=int(config["embed_dim"]),
        input_size=max(preprocessing.size),
        logit_scale=logit_scale_of(model),
    )
