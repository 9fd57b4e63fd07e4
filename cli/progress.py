"""The progress bar of a run over many files, on stderr."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Never

from tqdm import tqdm

from cli import output


class TqdmObserver:
    """A run as a bar with count, rate and time left, skipped files as lines above it.

    `verb` says what is done to the images, or to whatever `unit` counts.
    """

    def __init__(self, verb: str, unit: str = "images") -> None:
        self._verb = verb
        self._unit = unit
        self._bar: tqdm[Never] | None = None
        self._skipped: set[tuple[str, str]] = set()

    def __enter__(self) -> TqdmObserver:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def planned(self, total: int) -> None:
        """Start the bar, where there is anything to do and somebody to see it."""
        if total:
            self._bar = tqdm(
                total=total,
                unit=f" {self._unit}",
                desc="reading",
                disable=not sys.stderr.isatty(),
                smoothing=0.1,
                dynamic_ncols=True,
            )

    def loading(self) -> None:
        """Say that the first picture waits for the encoder."""
        if self._bar is not None:
            self._bar.set_description("loading the encoder")

    def started(self) -> None:
        """Count time from here: loading the encoder says nothing about the rate."""
        if self._bar is not None:
            done = self._bar.n
            self._bar.reset()
            self._bar.n = self._bar.initial = done
            self._bar.set_description(self._verb)

    def advanced(self) -> None:
        """One more file is done with."""
        if self._bar is not None:
            self._bar.update()

    def skipped(self, path: str, reason: str) -> None:
        """Say which file is left out and why, once in all the runs that are told."""
        if (path, reason) in self._skipped:
            return
        self._skipped.add((path, reason))
        with tqdm.external_write_mode(file=sys.stderr):
            output.note(f"skipping {path}: {reason}")

    def close(self) -> None:
        """Take the bar down; what it showed stays."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None
