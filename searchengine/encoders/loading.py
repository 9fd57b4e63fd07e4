"""An encoder by its name: on towers for a CPU, on torch for a GPU and where there are no towers."""

from __future__ import annotations

import importlib.util
import logging
import os
import threading

from searchengine.devices import choose_device, may_have_gpu
from searchengine.encoders.hub import without_downloads
from searchengine.encoders.interface import Encoder
from searchengine.encoders.names import STARTER_SIZES, canonical_name
from searchengine.encoders.openvino import runtime
from searchengine.encoders.openvino.encoder import TowerEncoder
from searchengine.encoders.openvino.kept import KeptTowers, find
from searchengine.encoders.openvino.towers import UNUSABLE, StarterTowers, Towers
from searchengine.errors import EncoderError, reason_of

_EXPORTING = threading.Lock()

log = logging.getLogger("clipseek")


def load_encoder(name: str, *, device: str = "auto", precision: str = "auto") -> Encoder:
    """The encoder of this name, ready to encode.

    `name` is one of the forms in `searchengine.encoders.names`; `device` is "auto", "cuda", "mps"
    or "cpu"; `precision` is "auto", "float32", "bfloat16", "float16" or, on a CPU, "int8". `auto`
    takes a GPU where there is one; half precision on CUDA; on a CPU what a measurement shows to be
    fastest and equal, done once a machine; float32 otherwise.

    On a CPU the encoder is exported from torch once, which takes some seconds more, and needs torch
    no more then; the starter never does. Weights in the local cache are loaded without any network
    call, others are downloaded.

    Raises UnknownEncoderError, EncoderUnavailableError (within 5 s where the hub does not
    answer), DeviceUnavailableError, PathNotFoundError for a checkpoint that is not there, and
    EncoderError for one that does not fit.
    """
    name = canonical_name(name)
    if precision not in ("auto", *runtime.PRECISIONS):
        raise EncoderError(
            f"unknown precision {precision!r}; choose auto, {', '.join(runtime.PRECISIONS)}"
        )
    towers = _towers(name) if _is_for_cpu(device) else None
    if towers is not None:
        from searchengine.encoders.openvino.precision import measured_precision, precisions_of

        if precision == "auto":
            precision = measured_precision(towers)
        if precision in precisions_of(towers):
            return TowerEncoder(towers, precision, _on_torch)
    if precision == runtime.INT8:
        raise EncoderError(
            f"{name} is not computed in int8 here: it is for CPUs, and for encoders that say the "
            "same in it; choose auto or float32"
        )
    from searchengine.encoders.openclip import encoder as openclip

    return openclip.load_encoder(name, device=device, precision=precision)


def use_cores(count: int) -> None:
    """Let encoders that this process loads from now on take so many cores of the CPU."""
    os.environ["OMP_NUM_THREADS"] = str(count)  # torch reads it when it is imported
    if importlib.util.find_spec("openvino") is not None:
        runtime.use_cores(count)


def load_for_queries(name: str) -> Encoder:
    """An encoder for a few texts and pictures: in int8, or the precision that was measured before.

    A query would wait for a measurement. Nothing is downloaded: the name is what the library says,
    whoever made it. Raises EncoderNotHereError for weights that are not on this machine.
    """
    with without_downloads():
        towers = _towers(canonical_name(name)) if _is_for_cpu("auto") else None
        if towers is None:
            return _on_torch(name)
    from searchengine.encoders.openvino.precision import precision_for_queries

    return TowerEncoder(towers, precision_for_queries(towers), _on_torch)


def _on_torch(name: str) -> Encoder:
    from searchengine.encoders.openclip.encoder import load_encoder

    with without_downloads():
        return load_encoder(name, precision="float32")


def _is_for_cpu(device: str) -> bool:
    """Whether `device` means the CPU here. torch is asked where there may be a GPU."""
    if device == "auto" and may_have_gpu():
        device = choose_device(device)
    return device in ("auto", "cpu")


def _towers(name: str) -> Towers | None:
    """Those of an encoder, exported now if never before; None where torch serves."""
    if importlib.util.find_spec("openvino") is None:
        log.warning("%s runs on torch, as OpenVINO, which is faster, is not installed", name)
        return None
    if name in STARTER_SIZES:
        return _starter(name)
    with _EXPORTING:
        towers = find(name)
        if towers is None or not _is_final(towers):
            towers = _exported(name)
    if towers is not None and towers.refused:
        log.warning("%s runs on torch, as OpenVINO does not take it: %s", name, towers.refused)
        return None
    return towers


def _starter(name: str) -> Towers | None:
    try:
        return StarterTowers(name)
    except UNUSABLE as error:
        log.warning("%s runs on torch, as this installation is not whole: %s", name, error)
        return None


def _is_final(towers: KeptTowers) -> bool:
    """Another version of OpenVINO may take what one refused."""
    return not towers.refused or towers.version == runtime.version()


def _exported(name: str) -> KeptTowers | None:
    from searchengine.encoders.openclip import encoder as openclip
    from searchengine.encoders.openvino.export import export

    loaded = openclip.load_encoder(name, device="cpu", precision="float32")
    log.warning("preparing %s for this CPU, once", name)
    try:
        export(loaded)
    except OSError as error:
        log.warning("%s runs on torch, as it cannot be kept: %s", name, reason_of(error))
    return find(name)
