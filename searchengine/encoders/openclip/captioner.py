"""open_clip's CoCa: an encoder with a decoder beside it, which says what is in a picture.

Yu et al., "CoCa: Contrastive Captioners are Image-Text Foundation Models", 2022. Words are chosen
one after another, each the likeliest after those before it. open_clip's own `generate` does that
by parts that recent versions of transformers have not.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from searchengine.devices import choose_device
from searchengine.encoders.names import DIR_PREFIX, HUB_PREFIX, canonical_name, split_name
from searchengine.encoders.openclip.build import build, quiet
from searchengine.encoders.openclip.precision import normalised
from searchengine.encoders.openclip.sources import find_source
from searchengine.encoders.preprocess import Preprocessing
from searchengine.errors import UnknownEncoderError

if TYPE_CHECKING:
    import torch

MOST_TOKENS = 30
"""Of a caption, its marks of start and end among them, as open_clip's `generate`."""

LEAST_TOKENS = 5
"""Before a caption may end, as open_clip's `generate`."""

KNOWN = "coca_ViT-B-32/mscoco_finetuned_laion2b_s13b_b90k"
"""The smallest that learned to describe photos."""


@dataclass(frozen=True, eq=False)
class Captioner:
    """A CoCa in float32; made by `load_captioner`."""

    name: str
    input_size: int
    device: str
    model: Any = field(repr=False)
    preprocessing: Preprocessing = field(repr=False)
    tokenizer: Any = field(repr=False)

    def tokens(self, picture: Image.Image) -> list[int]:
        """The ids of a caption, from its mark of start on, `MOST_TOKENS` at most.

        Raises UnreadableImageError for strips hundreds of times longer than wide.
        """
        import torch

        pixels = torch.from_numpy(np.stack([self.preprocessing(picture)])).to(self.device)
        start, end = self.tokenizer.sot_token_id, self.tokenizer.eot_token_id
        with torch.inference_mode():
            shown = self.model(normalised(pixels, self.preprocessing))
            ids = torch.tensor([[start]], device=self.device)
            while ids.shape[1] < MOST_TOKENS and ids[0, -1] != end:
                ids = torch.cat((ids, self._next(shown, ids, end)), dim=1)
        return [int(token) for token in ids[0]]

    def caption(self, picture: Image.Image) -> str:
        """What is in a picture, in the model's words.

        Raises UnreadableImageError for strips hundreds of times longer than wide.
        """
        marks = (self.tokenizer.sot_token_id, self.tokenizer.eot_token_id)
        words = [token for token in self.tokens(picture) if token not in marks]
        said = " ".join(self.tokenizer.decode(words).split())
        return said.replace(" .", ".").replace(" ,", ",")

    def _next(self, shown: dict[str, torch.Tensor], ids: torch.Tensor, end: int) -> torch.Tensor:
        """The likeliest id after these, shape (1, 1)."""
        said = self.model(
            None,
            ids,
            image_latent=shown["image_features"],
            image_embs=shown["image_embs"],
            output_labels=False,
        )
        logits: torch.Tensor = said["logits"][:, -1]
        if ids.shape[1] < LEAST_TOKENS:
            logits[:, end] = float("-inf")
        return logits.argmax(dim=-1, keepdim=True)


def load_captioner(name: str) -> Captioner:
    """The CoCa of this name, as encoders are named, downloaded where it is not here.

    Raises UnknownEncoderError for another architecture, and what `load_encoder` raises.
    """
    name = canonical_name(name)
    with quiet():
        device = choose_device("auto")
        if not name.startswith((DIR_PREFIX, HUB_PREFIX)):
            _require_decoder(name, split_name(name)[0])  # before a download for nothing
        source = find_source(name)
        _require_decoder(name, source.model)
        parts = build(name, source)
    return Captioner(
        name=name,
        input_size=parts.input_size,
        device=device,
        model=parts.model.to(device=device),
        preprocessing=parts.preprocessing,
        tokenizer=parts.tokenizer,
    )


def _require_decoder(name: str, model: str) -> None:
    """Raise UnknownEncoderError for what is no CoCa with open_clip's own tokenizer."""
    import open_clip

    is_known = model.startswith(DIR_PREFIX) or model in open_clip.list_models()
    config = open_clip.get_model_config(model) if is_known else {}
    if "multimodal_cfg" not in config or "hf_tokenizer_name" in config["text_cfg"]:
        raise UnknownEncoderError(name, f"it writes no captions; {KNOWN} does, or give --server")
