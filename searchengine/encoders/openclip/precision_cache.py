"""What was measured on this machine, remembered in files of the user's cache.

Losing one costs a measurement of seconds, so whatever goes wrong with it is no error.
"""

from __future__ import annotations

import hashlib
import json
import platform
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from searchengine.files import replacing
from searchengine.paths import user_cache

_CPUINFO = Path("/proc/cpuinfo")
_FILE = "precision.json"


def choice_key(fingerprint: str, torch_version: str, threads: int) -> str:
    """What a choice depends on: the weights, the processor, torch and its threads."""
    name, flags = cpu()
    told = [fingerprint, torch_version, str(threads), platform.machine(), name, *sorted(flags)]
    return hashlib.blake2b("\n".join(told).encode(), digest_size=12).hexdigest()


def remembered(key: str) -> str:
    """The precision that was chosen under this key, or nothing."""
    return str(read_kept(_FILE).get(key, ""))


def remember(key: str, precision: str) -> None:
    """Keep a choice for the next time, by every process of this user."""
    add_kept(_FILE, key, precision)


def read_kept(name: str) -> dict[str, Any]:
    """A file of measurements in the user's cache; nothing where it is none."""
    try:
        return dict(json.loads(_path(name).read_text(encoding="ascii")).items())
    except (OSError, ValueError, AttributeError):
        return {}


def add_kept(name: str, key: str, value: object) -> None:
    """Put a value into such a file."""
    file = _path(name)
    with suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        with replacing(file) as beside:
            beside.write_text(json.dumps(read_kept(name) | {key: value}, indent=1), "ascii")


def _path(name: str) -> Path:
    return user_cache(name)


@lru_cache(maxsize=1)
def cpu() -> tuple[str, frozenset[str]]:
    """The model's name and the instruction sets it says it has; no sets outside Linux on x86."""
    try:
        first = _CPUINFO.read_text(encoding="utf-8", errors="replace").split("\n\n")[0]
    except OSError:
        first = ""
    facts = {}
    for line in first.splitlines():
        key, _, value = line.partition(":")
        facts[key.strip()] = value.strip()
    name = facts.get("model name") or platform.processor() or platform.machine()
    return name, frozenset(facts.get("flags", "").split())
