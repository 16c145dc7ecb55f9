"""The options that statements about factored sources understand, by their names on the command line."""

from __future__ import annotations

__all__ = ["OPTIONS"]

OPTIONS = ("split", "objective", "inner")
