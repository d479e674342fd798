"""The version of the rules that turn spans into rows."""

from __future__ import annotations

from typing import Final

NORMALISER_VERSION: Final = 17
"""Raise it when a change gives a stored span other facts; `rebuild --renormalise` makes the old rows again."""
