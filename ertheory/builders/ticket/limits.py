"""Among how many live weights a subset is searched; apart from the search, which takes half a second to load."""

from __future__ import annotations

__all__ = ["FEW_VALUES", "MOST_VALUES"]

# 2^12 sums of either half of the most, which stay in the cache. Where some of the weights are enough, so that all units
# together use up an eighth of what is allowed, few are searched.
MOST_VALUES, FEW_VALUES = 24, 16
