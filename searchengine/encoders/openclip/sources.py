"""Which files make an encoder: from its name to what open_clip is to load."""

from __future__ import annotations

import difflib
import importlib
import importlib.util
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from searchengine.encoders import hub
from searchengine.encoders.names import (
    DIR_PREFIX,
    HUB_PREFIX,
    STARTER_256,
    STARTER_DIR,
    STARTER_SIZES,
    is_path,
    split_name,
)
from searchengine.encoders.pieces.tokenizer import CONFIG_FILE, TOKENIZER_FILE
from searchengine.encoders.registry import is_cached, recommended
from searchengine.encoders.table import models
from searchengine.errors import (
    EncoderError,
    PathNotFoundError,
    UnknownEncoderError,
    pip_install,
)


@dataclass(frozen=True)
class Source:
    """What open_clip is to load: every file is on this machine by now."""

    model: str
    """Name of an architecture, or `local-dir:` and a directory."""
    tokenizer: str
    """The name open_clip chooses the tokenizer by."""
    pieces: Path | None = None
    """The directory of the tokenizer's files where no transformers is needed for it."""
    checkpoint: str | None = None
    """File of weights; None where they lie in the directory."""
    preprocess: Mapping[str, Any] = field(default_factory=dict)
    """How the weights of a tag want their pictures, where the architecture does not say."""

    @property
    def where(self) -> str:
        """The file or directory of the weights, for messages."""
        return self.checkpoint or self.model.removeprefix(DIR_PREFIX)

    @property
    def files(self) -> list[Path]:
        """The weights, or what lies in the directory."""
        if self.checkpoint:
            return [Path(self.checkpoint)]
        return sorted(path for path in Path(self.where).iterdir() if path.is_file())


def find_source(name: str) -> Source:
    """Files of the encoder with this canonical name, downloaded where they are not here."""
    if name in STARTER_SIZES:
        if not is_cached(name):
            raise EncoderError(
                f"the encoder {name!r} is missing from this installation ({STARTER_DIR}); "
                "install clipseek again"
            )
        found = _from_directory(STARTER_DIR)
        if name == STARTER_256:
            found = replace(found, preprocess={"force_image_size": STARTER_SIZES[name]})
        return found
    if name.startswith(DIR_PREFIX):
        return _from_directory(Path(name.removeprefix(DIR_PREFIX)))
    if name.startswith(HUB_PREFIX):
        return _from_hub(name, name.removeprefix(HUB_PREFIX))
    arch, rest = split_name(name)
    require_architecture(name, arch)
    if not rest:
        raise UnknownEncoderError(name, f"it names no weights; {_known_weights(arch)}")
    _require_transformers_for_tower(name, arch)
    if is_path(rest):
        if not Path(rest).is_file():
            raise PathNotFoundError(rest, "no such checkpoint file")
        return Source(arch, arch, _pieces_of(name, arch), rest)
    return _from_tag(name, arch, rest)


def _from_directory(path: Path) -> Source:
    require_directory(path)
    model = f"{DIR_PREFIX}{path}"
    _require_transformers_for_tower(model, model)
    if not text_config(model).get("hf_tokenizer_name"):
        return Source(model, model)
    if (path / TOKENIZER_FILE).is_file():
        return Source(model, model, path)
    _require_transformers(model)
    return Source(model, model)


def _from_hub(name: str, repo: str) -> Source:
    config = hub.fetch_file(name, repo, [hub.CONFIG_FILE])
    model = f"{DIR_PREFIX}{config.parent}"
    _require_transformers_for_tower(name, model)
    pieces = _pieces_of(name, model)
    commit = config.parent.name  # the weights that belong to this config, whatever came later
    hub.fetch_file(name, repo, hub.WEIGHTS_FILES, commit)
    borrows = pieces is None and bool(text_config(model).get("hf_tokenizer_name"))
    return Source(model, name if borrows else model, pieces)


def _from_tag(name: str, arch: str, tag: str) -> Source:
    from open_clip.pretrained import get_pretrained_cfg

    published = get_pretrained_cfg(arch, tag)
    if not published:
        raise UnknownEncoderError(name, f"no weights {tag!r}; {_known_weights(arch, tag)}")
    _require_same_activation(arch, tag, bool(published.get("quick_gelu", False)))
    repo, _, file = published.get("hf_hub", "").rpartition("/")
    if not repo:
        raise UnknownEncoderError(name, f"its weights are not on the hub: {published.get('url')}")
    files = [str(Path(file).with_suffix(".safetensors")), file] if file else hub.WEIGHTS_FILES
    pieces = _pieces_of(name, arch)
    weights = hub.fetch_file(name, repo, files)
    wishes = {
        f"image_{key}": published.get(key)
        for key in ("mean", "std", "interpolation", "resize_mode")
    }
    return Source(arch, arch, pieces, str(weights), wishes)


def require_directory(path: Path) -> None:
    """Raise PathNotFoundError for a directory that holds no open_clip model."""
    if not (path / hub.CONFIG_FILE).is_file():
        raise PathNotFoundError(path, f"no open_clip model here, as it has no {hub.CONFIG_FILE}")


def require_architecture(name: str, arch: str) -> None:
    """Raise UnknownEncoderError, naming `name`, for an architecture that open_clip has not."""
    import open_clip

    known = open_clip.list_models()
    if arch not in known:
        near = _nearest(arch, known) or split_name(recommended(gpu=False))[:1]
        raise UnknownEncoderError(name, f"no architecture {arch!r}; there is {', '.join(near)}")


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
    recommended = [split_name(model.name)[1] for model in models()]
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


def text_config(model: str) -> dict[str, Any]:
    """What the open_clip config says of the text tower. Raises EncoderError for no config."""
    import open_clip

    try:
        config: dict[str, Any] = open_clip.get_model_config(model)["text_cfg"]
    except (ValueError, KeyError, TypeError) as error:
        raise EncoderError(
            f"{model.removeprefix(DIR_PREFIX)}/{hub.CONFIG_FILE} is no open_clip config: {error!r}"
        ) from error
    return config


def _pieces_of(name: str, model: str) -> Path | None:
    """The directory of the tokenizer that a config names on the hub, downloaded if need be.

    None where the config names none, or one that only transformers can read, which is required.
    """
    repo = text_config(model).get("hf_tokenizer_name")
    if not repo:
        return None
    try:
        found = hub.fetch_file(name, repo, [TOKENIZER_FILE])
    except UnknownEncoderError:  # it has a vocabulary in another form alone
        _require_transformers(name)
        return None
    with suppress(UnknownEncoderError):  # what it says then goes by itself
        hub.fetch_file(name, repo, [CONFIG_FILE])
    return found.parent


def _require_transformers_for_tower(name: str, model: str) -> None:
    """Raise EncoderError where the text tower is one of transformers, and that is missing."""
    if text_config(model).get("hf_model_name"):
        _require_transformers(name)


def _require_transformers(name: str) -> None:
    if importlib.util.find_spec("transformers") is None:
        raise EncoderError(
            f"{name} needs the package transformers for its texts; "
            f"install it with: {pip_install('hf')}"
        )
    importlib.import_module("transformers")  # before `hub.offline`, whose state it would keep
