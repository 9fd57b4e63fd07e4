"""Which processor this is, as far as speed depends on it."""

from __future__ import annotations

import platform
from functools import lru_cache
from pathlib import Path

_CPUINFO = Path("/proc/cpuinfo")


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
