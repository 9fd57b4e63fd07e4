"""Files of the model hub: the local cache first, then a short probe, then the download.

A dead network must never hang a search: nothing here waits longer than `PROBE_SECONDS` before
it knows that the hub answers.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from searchengine.errors import (
    EncoderNotHereError,
    EncoderUnavailableError,
    UnknownEncoderError,
    first_line,
)

PROBE_SECONDS = 5.0
"""How long the hub may take to answer. It takes well under a second where it can be reached."""

WEIGHTS_FILES = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin")
"""Names of an open_clip model's weights on the hub, the safe format first."""

CONFIG_FILE = "open_clip_config.json"

_MAY_DOWNLOAD = ContextVar("may_download", default=True)

_REFUSALS = (403, 407)
"""Statuses with which a proxy or firewall answers in the place of the hub."""


def cached_file(repo: str, names: Sequence[str], revision: str | None = None) -> Path | None:
    """The first of the files that is in the local cache, or None. No network."""
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    for name in names:
        try:
            found = try_to_load_from_cache(repo, name, revision=revision)
        except HFValidationError:  # no repository can have this name
            return None
        if isinstance(found, str):
            return Path(found)
    return None


def fetch_file(encoder: str, repo: str, names: Sequence[str], revision: str | None = None) -> Path:
    """The first of the files that the repository has: from the cache, or downloaded into it.

    A cached file is used without any network call. Raises EncoderUnavailableError within
    `PROBE_SECONDS` where the hub does not answer, and UnknownEncoderError where it has no such
    file; both name `encoder`.
    """
    from huggingface_hub import errors

    try:
        cached = cached_file(repo, names, revision)
        if cached:
            return cached
        require_hub(encoder)
        return _download(repo, names, revision)
    except (EncoderUnavailableError, UnknownEncoderError):
        raise
    except (errors.LocalEntryNotFoundError, errors.GatedRepoError) as error:
        raise EncoderUnavailableError(encoder, first_line(error)) from error
    except errors.RepositoryNotFoundError as error:
        raise UnknownEncoderError(encoder, f"the model hub has no {repo}") from error
    except errors.EntryNotFoundError as error:
        raise UnknownEncoderError(encoder, f"{repo} has no {' or '.join(names)}") from error
    except errors.HFValidationError as error:
        raise UnknownEncoderError(encoder, first_line(error)) from error
    except Exception as error:  # whatever a network or a disk may do in a download
        raise EncoderUnavailableError(encoder, first_line(error)) from error


def require_hub(encoder: str) -> None:
    """Raise EncoderUnavailableError, naming `encoder`, where the hub does not answer.

    EncoderNotHereError where nothing may be downloaded.
    """
    if not _MAY_DOWNLOAD.get():
        raise EncoderNotHereError(encoder)
    why = why_unreachable()
    if why:
        raise EncoderUnavailableError(encoder, why)


def why_unreachable(seconds: float = PROBE_SECONDS) -> str | None:
    """None where the model hub answers within `seconds`, else a phrase saying why it does not.

    Respects HF_HUB_OFFLINE and HF_ENDPOINT as huggingface_hub read them.
    """
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        return "HF_HUB_OFFLINE is set"
    host = constants.ENDPOINT
    outcome = [f"{host} did not answer within {seconds:g} s"]

    def ask() -> None:
        outcome[0] = _ask(host, seconds)

    # A thread, because no timeout of a socket covers the look-up of the host's name.
    prober = threading.Thread(target=ask, name="clipseek-probe", daemon=True)
    prober.start()
    prober.join(seconds)
    return outcome[0] or None


@contextmanager
def without_downloads() -> Iterator[None]:
    """Weights that are not on this machine are an EncoderNotHereError inside this block."""
    before = _MAY_DOWNLOAD.set(False)
    try:
        yield
    finally:
        _MAY_DOWNLOAD.reset(before)


@contextmanager
def offline() -> Iterator[None]:
    """Nothing that goes through huggingface_hub touches the network inside this block."""
    from huggingface_hub import constants

    before = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before


def _ask(host: str, seconds: float) -> str:
    """An empty string where the host answers as a hub does, else why not."""
    from huggingface_hub import get_session

    try:
        status = get_session().head(host, timeout=seconds).status_code
    except Exception as error:  # any failure to connect means the same here
        return f"{host} cannot be reached ({first_line(error)})"
    if status >= 500 or status in _REFUSALS:
        return f"{host} answers with status {status}"
    return ""


def _download(repo: str, names: Sequence[str], revision: str | None) -> Path:
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

    for name in names[:-1]:
        try:
            return Path(hf_hub_download(repo, name, revision=revision))
        except LocalEntryNotFoundError:
            raise  # the connection broke: not an answer about this file
        except EntryNotFoundError:
            continue
    return Path(hf_hub_download(repo, names[-1], revision=revision))
