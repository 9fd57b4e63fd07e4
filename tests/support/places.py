"""Where things are: the checkout, and the shared data that may lie beside it."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]
"""The checkout."""

DATA = Path(__file__).parents[1] / "data"
"""What is committed for the tests."""

SHARED = ROOT.parent / "shared"
"""Training and test data, published numbers; tests that need it skip out loud without it."""
