"""The real encoders: open_clip models on torch. The one home of both, imported late.

Loading goes in steps: the name is resolved to files (`_find`), open_clip builds the model from
them without any network (`_build`), the weights are fingerprinted as they came, and only then
cast to the precision and moved to the device (`_place`).
"""

from __future__ import annotations

import difflib
import hashlib
import importlib
import importlib.util
import logging
import pickle
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np
from PIL import Image

from searchengine import hub
from searchengine.errors import (
    ClipseekError,
    DeviceUnavailableError,
    EncoderError,
    PathNotFoundError,
    UnknownEncoderError,
)
from searchengine.models import MODELS, RECOMMENDED, STARTER_DIR, is_cached
from searchengine.names import (
    DIR_PREFIX,
    HUB_PREFIX,
    STARTER,
    canonical_name,
    is_path,
    split_name,
)
from searchengine.preprocess import Preprocessing, split_transform
from searchengine.types import Pixels, Vectors

if TYPE_CHECKING:
    import torch

__all__ = ["ClipEncoder", "canonical_name", "choose_default", "load_encoder"]

Item = TypeVar("Item")

DEVICES = ("cuda", "mps", "cpu")
"""In the order `auto` tries them."""

PRECISIONS = ("float32", "bfloat16", "float16")

MAX_BATCH = 256
"""Pictures or texts that go through the model at once: more is no faster on any device."""

SAMPLE = 64
"""Values of each tensor that go into the fingerprint: enough to tell any two trainings apart, and
a fraction of a second for the largest model."""

LEAST_COSINE = 0.999
"""Mean cosine with float32 below which bfloat16 is not chosen by itself: rankings stay the same."""

TRIAL_BATCH = 4
"""Pictures in the measurement that decides for or against bfloat16: about a second in all."""


class ClipModel(Protocol):
    """What is used of an open_clip model, a torch module."""

    def encode_image(self, image: torch.Tensor) -> torch.Tensor:
        """Normalised pictures (n, 3, h, w) to rows (n, d), of any length."""

    def encode_text(self, text: torch.Tensor) -> torch.Tensor:
        """Tokens (n, context) to rows (n, d), of any length."""

    def to(self, **where: object) -> ClipModel:
        """The model, moved or cast in place."""

    def state_dict(self) -> Mapping[str, torch.Tensor]:
        """Its weights by name."""


_LOADING = threading.Lock()
"""Loading silences and patches libraries for the whole process: one at a time."""


@dataclass(frozen=True, eq=False)
class ClipEncoder:
    """An open_clip model as a `searchengine.encoder.Encoder`; made by `load_encoder`."""

    name: str
    dim: int
    input_size: int
    device: str
    precision: str
    fingerprint: str
    model: ClipModel = field(repr=False)
    """In evaluation mode, on the device, in the precision."""
    preprocessing: Preprocessing = field(repr=False)
    tokenizer: Callable[[list[str]], Any] = field(repr=False)

    def preprocess(self, image: Image.Image) -> Pixels:
        """One picture of any size to the model's input size, shape (h, w, 3), uint8.

        Equal to the picture half of open_clip's own validation transform. Thread-safe. Raises
        UnreadableImageError for strips hundreds of times longer than wide.
        """
        return self.preprocessing(image)

    def encode_pixels(self, pixels: Sequence[Pixels]) -> Vectors:
        """Preprocessed pictures to unit rows, shape (n, d), float32."""
        return self._in_batches(pixels, self._embed_pixels)

    def encode_images(self, images: Sequence[Image.Image]) -> Vectors:
        """Pictures to unit rows, shape (n, d), float32."""
        return self.encode_pixels([self.preprocess(image) for image in images])

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """Texts to unit rows, shape (n, d), float32. Texts beyond the context are cut."""
        return self._in_batches(texts, self._embed_texts)

    def _in_batches(
        self, items: Sequence[Item], embed: Callable[[Sequence[Item]], torch.Tensor]
    ) -> Vectors:
        out = np.empty((len(items), self.dim), dtype=np.float32)
        for start in range(0, len(items), MAX_BATCH):
            part = slice(start, start + MAX_BATCH)
            out[part] = self._embed(items[part], embed)
        return out

    def _embed(
        self, items: Sequence[Item], embed: Callable[[Sequence[Item]], torch.Tensor]
    ) -> Vectors:
        """Unit rows of one batch; halves it where the GPU's memory is too small for it."""
        import torch

        try:
            with torch.inference_mode():
                return self._unit(embed(items))
        except torch.cuda.OutOfMemoryError as error:
            if len(items) == 1:
                raise EncoderError(
                    f"the GPU has not enough free memory for {self.name}; free some of it, or use "
                    "--device cpu"
                ) from error
        torch.cuda.empty_cache()  # outside the handler, whose traceback holds the failed tensors
        half = len(items) // 2
        return np.concatenate([self._embed(items[:half], embed), self._embed(items[half:], embed)])

    def _embed_pixels(self, pixels: Sequence[Pixels]) -> torch.Tensor:
        import torch

        dtype = getattr(torch, self.precision)
        batch = _normalised(np.stack(pixels), self.preprocessing, self.device).to(dtype)
        return self.model.encode_image(batch)

    def _embed_texts(self, texts: Sequence[str]) -> torch.Tensor:
        tokens = self.tokenizer(list(texts)).to(self.device)
        return self.model.encode_text(tokens)

    def _unit(self, embedded: torch.Tensor) -> Vectors:
        """Rows of length 1, in float32 whatever the model's precision; refuses NaN and zeros."""
        rows = embedded.float()
        unit: Vectors = (rows / rows.norm(dim=-1, keepdim=True)).cpu().numpy()
        if not np.isfinite(unit).all():
            raise EncoderError(
                f"{self.name} gives vectors that are zero or not finite in {self.precision}; "
                "use --precision float32, or another checkpoint if it is that already"
            )
        return unit


def load_encoder(name: str, *, device: str = "auto", precision: str = "auto") -> ClipEncoder:
    """The encoder of this name, ready to encode.

    `name` is one of the forms in `searchengine.names`; `device` is "auto", "cuda", "mps" or
    "cpu"; `precision` is "auto", "float32", "bfloat16" or "float16". `auto` takes a GPU where
    there is one; half precision on CUDA; on a CPU bfloat16 where a measurement shows it faster
    and equal; float32 otherwise.

    Weights in the local cache are loaded without any network call, others are downloaded.

    Raises UnknownEncoderError, EncoderUnavailableError (within 5 s where the hub does not
    answer), DeviceUnavailableError, PathNotFoundError for a checkpoint that is not there, and
    EncoderError for one that does not fit.
    """
    name = canonical_name(name)
    if precision not in ("auto", *PRECISIONS):
        raise EncoderError(f"unknown precision {precision!r}; choose auto, {', '.join(PRECISIONS)}")
    with _LOADING, _quiet():
        device = _choose_device(device)  # before a download that would be for nothing
        source = _find(name)
        parts = _build(name, source)
        mark = _fingerprint(parts.model.state_dict())
        model, precision = _place(parts, device, precision)
    return ClipEncoder(
        name=name,
        dim=parts.dim,
        input_size=parts.input_size,
        device=device,
        precision=precision,
        fingerprint=mark,
        model=model,
        preprocessing=parts.preprocessing,
        tokenizer=parts.tokenizer,
    )


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
        f"using the small encoder {STARTER!r}, which finds much less"
    )


# Finding the files


@dataclass(frozen=True)
class _Source:
    """What open_clip is to load: every file is on this machine by now."""

    model: str
    """Name of an architecture, or `local-dir:` and a directory."""
    tokenizer: str
    """The name open_clip chooses the tokenizer by."""
    checkpoint: str | None = None
    """File of weights; None where they lie in the directory."""
    preprocess: Mapping[str, Any] = field(default_factory=dict)
    """How the weights of a tag want their pictures, where the architecture does not say."""

    @property
    def where(self) -> str:
        return self.checkpoint or self.model.removeprefix(DIR_PREFIX)


def _find(name: str) -> _Source:
    """Files of the encoder with this canonical name, downloaded where they are not here."""
    if name == STARTER:
        if not is_cached(STARTER):
            raise EncoderError(
                f"the encoder {STARTER!r} is missing from this installation ({STARTER_DIR}); "
                "repair it with: pip install --force-reinstall clipseek"
            )
        return _from_directory(STARTER_DIR)
    if name.startswith(DIR_PREFIX):
        return _from_directory(Path(name.removeprefix(DIR_PREFIX)))
    if name.startswith(HUB_PREFIX):
        return _from_hub(name, name.removeprefix(HUB_PREFIX))
    arch, rest = split_name(name)
    _require_architecture(name, arch, rest)
    if is_path(rest):
        if not Path(rest).is_file():
            raise PathNotFoundError(rest, "no such checkpoint file")
        return _Source(arch, arch, rest)
    return _from_tag(name, arch, rest)


def _from_directory(path: Path) -> _Source:
    if not (path / hub.CONFIG_FILE).is_file():
        raise PathNotFoundError(path, f"no open_clip model here, as it has no {hub.CONFIG_FILE}")
    model = f"{DIR_PREFIX}{path}"
    _require_transformers(model, model)
    return _Source(model, model)


def _from_hub(name: str, repo: str) -> _Source:
    config = hub.fetch_file(name, repo, [hub.CONFIG_FILE])
    model = f"{DIR_PREFIX}{config.parent}"
    borrows_tokenizer = _require_transformers(name, model)
    commit = config.parent.name  # the weights that belong to this config, whatever came later
    hub.fetch_file(name, repo, hub.WEIGHTS_FILES, commit)
    return _Source(model, name if borrows_tokenizer else model)


def _from_tag(name: str, arch: str, tag: str) -> _Source:
    from open_clip.pretrained import get_pretrained_cfg

    published = get_pretrained_cfg(arch, tag)
    if not published:
        raise UnknownEncoderError(name, f"no weights {tag!r}; {_known_weights(arch, tag)}")
    _require_same_activation(arch, tag, bool(published.get("quick_gelu", False)))
    repo, _, file = published.get("hf_hub", "").rpartition("/")
    if not repo:
        raise UnknownEncoderError(name, f"its weights are not on the hub: {published.get('url')}")
    files = [str(Path(file).with_suffix(".safetensors")), file] if file else hub.WEIGHTS_FILES
    weights = hub.fetch_file(name, repo, files)
    wishes = {
        f"image_{key}": published.get(key)
        for key in ("mean", "std", "interpolation", "resize_mode")
    }
    return _Source(arch, arch, str(weights), wishes)


def _require_architecture(name: str, arch: str, rest: str) -> None:
    import open_clip

    known = open_clip.list_models()
    if arch not in known:
        near = _nearest(arch, known) or split_name(RECOMMENDED)[:1]
        raise UnknownEncoderError(name, f"no architecture {arch!r}; there is {', '.join(near)}")
    if not rest:
        raise UnknownEncoderError(name, f"it names no weights; {_known_weights(arch)}")
    _require_transformers(name, arch)


def _known_weights(arch: str, tag: str = "") -> str:
    """Names to try for this architecture: nearest to the tag, or recommended, or any."""
    from open_clip import list_pretrained_tags_by_model
    from open_clip.pretrained import get_pretrained_cfg

    quick = _is_quick(arch)
    tags = [
        tag
        for tag in list_pretrained_tags_by_model(arch)
        if bool(get_pretrained_cfg(arch, tag).get("quick_gelu", False)) == quick
    ]
    if not tags:
        return f"none are published for {arch}: give a checkpoint file as {arch}/path"
    recommended = [split_name(model.name)[1] for model in MODELS]
    near = _nearest(tag, tags) or [tag for tag in tags if tag in recommended] or tags[:3]
    return f"there is {', '.join(f'{arch}/{tag}' for tag in near)}"


def _require_same_activation(arch: str, tag: str, quick: bool) -> None:
    """Weights trained with QuickGELU give poor vectors with GELU, and the other way round."""
    if _is_quick(arch) == quick:
        return
    other = f"{arch}-quickgelu" if quick else arch.removesuffix("-quickgelu")
    raise EncoderError(
        f"QuickGELU mismatch: the weights {tag} were trained {'with' if quick else 'without'} "
        f"QuickGELU and {arch} computes {'without' if quick else 'with'} it; "
        f"use --model {other}/{tag}"
    )


def _is_quick(arch: str) -> bool:
    import open_clip

    return bool(open_clip.get_model_config(arch).get("quick_gelu", False))


def _nearest(word: str, known: Sequence[str]) -> list[str]:
    """Up to three known names like this one, whatever the case."""
    by_lower = {name.lower(): name for name in known}
    return [
        by_lower[near] for near in difflib.get_close_matches(word.lower(), by_lower, cutoff=0.5)
    ]


# Building the model


@dataclass(frozen=True)
class _Parts:
    """What open_clip makes: in float32, on the CPU."""

    model: ClipModel
    tokenizer: Callable[[list[str]], Any]
    preprocessing: Preprocessing
    dim: int
    input_size: int


def _build(name: str, source: _Source) -> _Parts:
    import open_clip

    try:
        strict = not source.where.endswith((".npz", ".npy"))  # these are copied tensor by tensor
        with _network(name, source), _uninitialised() if strict else nullcontext():
            model, transform = open_clip.create_model_from_pretrained(
                source.model, pretrained=source.checkpoint, weights_only=True, **source.preprocess
            )
            tokenizer = open_clip.get_tokenizer(source.tokenizer)
        size = model.visual.preprocess_cfg["size"]
        return _Parts(
            model=model.eval(),
            tokenizer=tokenizer,
            preprocessing=split_transform(transform),
            dim=int(open_clip.get_model_config(source.model)["embed_dim"]),
            input_size=int(size if isinstance(size, int) else max(size)),
        )
    except ClipseekError:
        raise
    except Exception as error:  # third-party loaders raise anything on a wrong file
        raise EncoderError(_why_not_loaded(source, error)) from error


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


def _why_not_loaded(source: _Source, error: Exception) -> str:
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


def _network(name: str, source: _Source) -> AbstractContextManager[None]:
    """No network while building, save where a tokenizer of transformers must be downloaded."""
    text = _text_config(source.model)
    needs = [(text.get("hf_model_name"), "config.json")]
    if not source.tokenizer.startswith(DIR_PREFIX):
        needs.append((text.get("hf_tokenizer_name"), "tokenizer_config.json"))
    wanted = [(repo, file) for repo, file in needs if repo]
    if all(hub.cached_file(repo, [file]) for repo, file in wanted):
        return hub.offline()
    hub.require_hub(name)
    return nullcontext()


def _text_config(model: str) -> dict[str, Any]:
    import open_clip

    try:
        config: dict[str, Any] = open_clip.get_model_config(model)["text_cfg"]
    except (ValueError, KeyError, TypeError) as error:
        raise EncoderError(
            f"{model.removeprefix(DIR_PREFIX)}/{hub.CONFIG_FILE} is no open_clip config: {error!r}"
        ) from error
    return config


def _require_transformers(name: str, model: str) -> bool:
    """Whether the model's texts need the package transformers; raises where it is missing."""
    text = _text_config(model)
    if not (text.get("hf_tokenizer_name") or text.get("hf_model_name")):
        return False
    if importlib.util.find_spec("transformers") is None:
        raise EncoderError(
            f"{name} needs the package transformers for its texts; "
            "install it with: pip install 'clipseek[hf]'"
        )
    importlib.import_module("transformers")  # before `hub.offline`, whose state it would keep
    return True


@contextmanager
def _quiet() -> Iterator[None]:
    """No warnings or log lines of open_clip, timm and the hub; progress bars stay.

    open_clip logs through the root logger, and the first such call would give the root logger a
    handler that prints on stderr for the rest of the process.
    """
    from huggingface_hub.utils import logging as hub_logging

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


def _fingerprint(state: Mapping[str, torch.Tensor]) -> str:
    """16 hexadecimal digits of SHA-256 over names, shapes and `SAMPLE` values of each tensor."""
    digest = hashlib.sha256()
    for name in sorted(state):
        tensor = state[name].detach()
        flat = tensor.reshape(-1)
        sample = flat[:: max(1, -(-flat.numel() // SAMPLE))].float().cpu().numpy()
        digest.update(f"{name}{tuple(tensor.shape)}".encode())
        digest.update(sample.astype("<f4").tobytes())
    return digest.hexdigest()[:16]


# Where and how precisely to compute


def _choose_device(asked: str) -> str:
    import torch

    there = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if asked == "auto":
        return next(device for device in DEVICES if there[device])
    if not there.get(asked, False):
        have = ", ".join(device for device in DEVICES if there[device])
        raise DeviceUnavailableError(f"no device {asked!r} here; this machine has: {have}")
    return asked


def _place(parts: _Parts, device: str, precision: str) -> tuple[ClipModel, str]:
    """The model on its device in its precision, and that precision by name."""
    import torch

    if precision == "auto" and device == "cpu" and _cpu_has_bfloat16():
        return _faster(parts)
    if precision == "auto" and device == "cuda":
        native = torch.cuda.get_device_capability() >= (8, 0)  # from Ampere on; before, emulated
        precision = "bfloat16" if native else "float16"
    elif precision == "auto":
        precision = "float32"
    return _cast(parts.model, device, precision), precision


def _cast(model: ClipModel, device: str, precision: str) -> ClipModel:
    import torch

    # channels_last: pictures come as (h, w, 3) rows, and convolutions are faster on them as such
    model = model.to(device=device, dtype=getattr(torch, precision))
    return model.to(memory_format=torch.channels_last)


def _cpu_has_bfloat16() -> bool:
    """Whether the CPU multiplies bfloat16 by itself; where it does not, float32 is faster."""
    import torch

    for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        check = getattr(torch.cpu, name, None)
        if check is not None and check():
            return True
    return False


def _faster(parts: _Parts) -> tuple[ClipModel, str]:
    """The model in float32 or bfloat16, by measuring both on a few pictures on this CPU."""
    full = _cast(parts.model, "cpu", "float32")
    half = _cast(deepcopy(parts.model), "cpu", "bfloat16")
    pictures = _trial_pictures(parts)
    full_time, full_rows = _trial(full, pictures)
    half_time, half_rows = _trial(half, pictures.bfloat16())
    cosine = (full_rows * half_rows).sum(dim=-1).mean().item()
    if prefer_bfloat16(full_time, half_time, cosine):
        return half, "bfloat16"
    return full, "float32"


def prefer_bfloat16(float32_seconds: float, bfloat16_seconds: float, cosine: float) -> bool:
    """Whether bfloat16 is worth it: faster, and a mean cosine of at least `LEAST_COSINE`."""
    return bfloat16_seconds < float32_seconds and cosine >= LEAST_COSINE


def _trial_pictures(parts: _Parts) -> torch.Tensor:
    """Smooth random colours at the input size, normalised: nearer to photos than noise is."""
    random = np.random.default_rng(0)
    coarse = random.integers(0, 256, (TRIAL_BATCH, 8, 8, 3), dtype=np.uint8)
    enlarged = [Image.fromarray(small).resize((256, 256)) for small in coarse]
    pixels = np.stack([parts.preprocessing(picture) for picture in enlarged])
    return _normalised(pixels, parts.preprocessing, "cpu")


def _trial(model: ClipModel, pictures: torch.Tensor) -> tuple[float, torch.Tensor]:
    """Seconds for the pictures, after a warm-up, and their unit rows in float32."""
    import torch

    with torch.inference_mode():
        model.encode_image(pictures[:1])
        start = time.perf_counter()
        rows = model.encode_image(pictures).float()
        return time.perf_counter() - start, rows / rows.norm(dim=-1, keepdim=True)


def _normalised(pixels: np.ndarray, preprocessing: Preprocessing, device: str) -> torch.Tensor:
    """Bytes (n, h, w, 3) to normalised float32 (n, 3, h, w) on the device, channels last.

    The same operations in the same order as torchvision's ToTensor and Normalize.
    """
    import torch

    batch = torch.from_numpy(pixels).to(device).permute(0, 3, 1, 2).float().div_(255)
    mean = torch.tensor(preprocessing.mean, device=device).view(3, 1, 1)
    std = torch.tensor(preprocessing.std, device=device).view(3, 1, 1)
    return batch.sub_(mean).div_(std)
