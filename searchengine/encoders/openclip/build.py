"""From files to a model: open_clip builds it, in silence and without any network."""

from __future__ import annotations

import logging
import math
import pickle
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from searchengine.encoders import hub
from searchengine.encoders.fingerprint import fingerprint_of, stride
from searchengine.encoders.names import DIR_PREFIX
from searchengine.encoders.openclip.sources import Source, text_config
from searchengine.encoders.pieces.tokenizer import PieceTokenizer
from searchengine.encoders.preprocess import Preprocessing
from searchengine.errors import ClipseekError, EncoderError

if TYPE_CHECKING:
    import torch
    from torch import nn


class ClipModel(Protocol):
    """What is used of an open_clip model, a torch module."""

    @property
    def visual(self) -> nn.Module:
        """The image tower."""

    def encode_image(self, image: torch.Tensor) -> torch.Tensor:
        """Normalised pictures (n, 3, h, w) to rows (n, d), of any length."""

    def encode_text(self, text: torch.Tensor) -> torch.Tensor:
        """Tokens (n, context) to rows (n, d), of any length."""

    def to(self, **where: object) -> ClipModel:
        """The model, moved or cast in place."""

    def state_dict(self) -> Mapping[str, torch.Tensor]:
        """Its weights by name."""

    def parameters(self) -> Iterator[nn.Parameter]:
        """Its weights, as they are trained."""


@dataclass(frozen=True)
class Parts:
    """What open_clip makes: in float32, on the CPU."""

    model: ClipModel
    tokenizer: Callable[[list[str]], Any]
    preprocessing: Preprocessing
    dim: int
    input_size: int
    logit_scale: float


def build(name: str, source: Source) -> Parts:
    """The model of these files. Raises EncoderError where they are damaged or do not fit."""
    import open_clip

    try:
        strict = not source.where.endswith((".npz", ".npy"))  # these are copied tensor by tensor
        with _network(name, source), _uninitialised() if strict else nullcontext():
            model, _ = open_clip.create_model_from_pretrained(
                source.model, pretrained=source.checkpoint, weights_only=True, **source.preprocess
            )
            tokenizer = _tokenizer_of(source)
        preprocessing = Preprocessing.of(model.visual.preprocess_cfg)
        return Parts(
            model=model.eval(),
            tokenizer=tokenizer,
            preprocessing=preprocessing,
            dim=int(open_clip.get_model_config(source.model)["embed_dim"]),
            input_size=max(preprocessing.size),
            logit_scale=logit_scale_of(model),
        )
    except ClipseekError:
        raise
    except Exception as error:  # third-party loaders raise anything on a wrong file
        raise EncoderError(_why_not_loaded(source, error)) from error


def logit_scale_of(model: ClipModel) -> float:
    """What a model multiplies cosines by in its loss. open_clip stores the logarithm."""
    return math.exp(float(model.state_dict()["logit_scale"]))


@dataclass(frozen=True, eq=False)
class PieceTensors:
    """A `PieceTokenizer` as open_clip's tokenizers are called."""

    pieces: PieceTokenizer

    @property
    def context_length(self) -> int:
        """Ids of a text."""
        return self.pieces.context

    def __call__(self, texts: list[str]) -> torch.Tensor:
        """The ids of texts, shape (n, context), int64."""
        import torch

        return torch.tensor(self.pieces.rows(texts), dtype=torch.int64).reshape(len(texts), -1)


def _tokenizer_of(source: Source) -> Callable[[list[str]], Any]:
    import open_clip

    if source.pieces is not None:
        return PieceTensors(PieceTokenizer(source.pieces, text_config(source.model)))
    tokenizer: Callable[[list[str]], Any] = open_clip.get_tokenizer(source.tokenizer)
    return tokenizer


@contextmanager
def _uninitialised() -> Iterator[None]:
    """Modules are built without random weights: a strict load overwrites every one of them.

    Drawing 151 million numbers for ViT-B-32 takes longer than reading its weights.
    """
    from torch.nn import init

    fillers = {name: fill for name, fill in vars(init).items() if _is_filler(name)}
    for name in fillers:
        setattr(init, name, _leave)
    try:
        yield
    finally:
        for name, fill in fillers.items():
            setattr(init, name, fill)


def _is_filler(name: str) -> bool:
    return name.endswith("_") and not name.startswith("_")  # torch's mark of "in place"


def _leave(tensor: torch.Tensor, *_: object, **__: object) -> torch.Tensor:
    return tensor


_MISFITS = ("state_dict", "size mismatch", "width changed")
"""Words of torch and open_clip about weights of another architecture."""


def _why_not_loaded(source: Source, error: Exception) -> str:
    """One line for what loaders say in many."""
    said = " ".join(str(error).split()) or type(error).__name__
    said = said if len(said) <= 200 else said[:200] + " ..."
    if isinstance(error, pickle.UnpicklingError):
        return (
            f"{source.where} is no plain file of weights: it is damaged, or holds code, which was "
            "not run; save its state_dict, best as .safetensors, and use that"
        )
    if any(sign in said for sign in _MISFITS):
        return (
            f"{source.where} does not fit the architecture {source.model}: {said}; "
            "give the one it was trained with, as ARCH/path"
        )
    return f"{source.where} cannot be loaded as {source.model}: {said}; see: clipseek models"


def _network(name: str, source: Source) -> AbstractContextManager[None]:
    """No network while building, save where a tokenizer of transformers must be downloaded."""
    text = text_config(source.model)
    needs = [(text.get("hf_model_name"), "config.json")]
    if source.pieces is None and not source.tokenizer.startswith(DIR_PREFIX):
        needs.append((text.get("hf_tokenizer_name"), "tokenizer_config.json"))
    wanted = [(repo, file) for repo, file in needs if repo]
    if all(hub.cached_file(repo, [file]) for repo, file in wanted):
        return hub.offline()
    hub.require_hub(name)
    return nullcontext()


_LOADING = threading.Lock()


@contextmanager
def quiet() -> Iterator[None]:
    """No warnings or log lines of open_clip, timm and the hub; progress bars stay.

    open_clip logs through the root logger, and the first such call would give the root logger a
    handler that prints on stderr for the rest of the process. Loading silences and patches
    libraries for the whole process: one thread at a time is in here.
    """
    from huggingface_hub.utils import logging as hub_logging

    with _LOADING:
        root, silent, verbosity = (
            logging.getLogger(),
            logging.NullHandler(),
            hub_logging.get_verbosity(),
        )
        root.addHandler(silent)
        root.addFilter(_not_from_open_clip)
        hub_logging.set_verbosity(logging.ERROR)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                yield
        finally:
            hub_logging.set_verbosity(verbosity)
            root.removeFilter(_not_from_open_clip)
            root.removeHandler(silent)


def _not_from_open_clip(record: logging.LogRecord) -> bool:
    return "open_clip" not in Path(record.pathname).parts


def fingerprint(state: Mapping[str, torch.Tensor]) -> str:
    """The fingerprint of a model's weights, whatever precision they came in."""

    def sample(tensor: torch.Tensor) -> NDArray[np.float32]:
        values: NDArray[np.float32] = (
            tensor.detach().reshape(-1)[:: stride(tensor.numel())].float().cpu().numpy()
        )
        return values

    return fingerprint_of(
        (name, tuple(state[name].shape), sample(state[name])) for name in sorted(state)
    )
