"""Which encoders are on this machine, and which of the table a new library gets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from searchengine.encoders import hub
from searchengine.encoders.names import (
    DIR_PREFIX,
    HUB_PREFIX,
    STARTER_256,
    STARTER_DIR,
    STARTER_SIZES,
    canonical_name,
    is_path,
    split_name,
)
from searchengine.encoders.table import find_model, models, taken_for


def is_cached(name: str) -> bool:
    """Whether the weights of an encoder are on this machine. No network, no model.

    Knows the encoders of the table, `hf-hub:` names and paths; False for any other name.
    """
    name = canonical_name(name)
    if name in STARTER_SIZES:
        return (STARTER_DIR / hub.CONFIG_FILE).is_file()
    if name.startswith(DIR_PREFIX):
        return (Path(name.removeprefix(DIR_PREFIX)) / hub.CONFIG_FILE).is_file()
    if name.startswith(HUB_PREFIX):
        return hub.cached_file(name.removeprefix(HUB_PREFIX), hub.WEIGHTS_FILES) is not None
    rest = split_name(name)[1]
    if is_path(rest):
        return Path(rest).is_file()
    model = find_model(name)
    if model is None or model.hub_repo is None:
        return False
    return hub.cached_file(model.hub_repo, hub.WEIGHTS_FILES) is not None


def recommended(*, gpu: bool) -> str:
    """What `auto` means on a machine with or without a GPU: the table's choice for it."""
    return taken_for("a GPU" if gpu else "a CPU").name


def choose_default(
    *,
    gpu: bool,
    cached: Callable[[str], bool] = is_cached,
    probe: Callable[[], str | None] = hub.why_unreachable,
) -> tuple[str, str | None]:
    """The encoder that `auto` stands for, and a sentence for the user where it is second best.

    `gpu` says whether there is one, `cached` whether an encoder's weights are here, `probe` why
    the hub does not answer (None where it does). Takes 5 s at most; imports neither torch nor
    open_clip.
    """
    first = recommended(gpu=gpu)
    if cached(first):
        return first, None
    why = probe()
    if why is None:
        return first, None
    here = [model for model in models() if model.free and model.xm3600_en and cached(model.name)]
    if here:
        best = max(here, key=lambda model: model.xm3600_en or 0.0)
        return best.name, (
            f"{first} is not downloaded yet and the model hub is out of reach: {why}; "
            f"this library uses {best.name}, which is on this machine"
        )
    return STARTER_256, (
        f"{first} is not downloaded yet and the model hub is out of reach: {why}; "
        f"this library uses the small encoder {STARTER_256!r}, which finds much less. To change "
        f"that later: clipseek index PATH --model {first}"
    )
