"""Compiled matchings: one largest matching, and many on parts of one pattern for `ertheory.builders.sharp.solvable`.

Hundreds of small matchings are needed for each mask. A library call for every one of them, with the part cut out first,
takes several times as long as all that is drawn.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ertheory.kernels import kernel

__all__ = ["match_columns", "saturated"]

Integers: TypeAlias = npt.NDArray[Any]


@kernel
def _augmented(
    first: int,
    starts: Integers,
    columns: Integers,
    owner: Integers,
    visited: Integers,
    search: int,
    path: Integers,
    position: Integers,
) -> bool:
    """Give a row a column, where others may move on; no column is visited twice in one search, so it ends soon."""
    # Depth first, each row looking for a free column before it asks owners to move on.
    depth = 0
    path[0] = first
    position[0] = starts[first]
    while depth >= 0:
        row = path[depth]
        free = -1
        if position[depth] == starts[row]:
            for entry in range(starts[row], starts[row + 1]):
                if owner[columns[entry]] < 0:
                    free = columns[entry]
                    break
        if free >= 0:
            owner[free] = row
            for above in range(depth - 1, -1, -1):
                owner[columns[position[above] - 1]] = path[above]
            return True
        advanced = False
        while position[depth] < starts[row + 1]:
            column = columns[position[depth]]
            position[depth] += 1
            if visited[column] != search:
                visited[column] = search
                depth += 1
                path[depth] = owner[column]
                position[depth] = starts[path[depth]]
                advanced = True
                break
        if not advanced:
            depth -= 1
    return False


@kernel
def match_columns(starts: Integers, columns: Integers, width: int) -> npt.NDArray[np.int64]:
    """Match as many rows to columns as can be: the row of every column, -1 where it has none.

    Not scipy's `maximum_bipartite_matching`, whose time grows exponentially on patterns that are layered like a ladder.

    Parameters
    ----------
    starts, columns
        The pattern, row by row.
    width
        Number of columns.
    """
    owner = np.full(width, -1, dtype=np.int64)
    visited = np.full(width, -1, dtype=np.int64)
    path = np.empty(len(starts), dtype=np.int64)
    position = np.empty(len(starts), dtype=np.int64)
    for row in range(len(starts) - 1):
        _augmented(row, starts, columns, owner, visited, row, path, position)
    return owner


@kernel
def saturated(
    starts: Integers, columns: Integers, part_starts: Integers, parts: Integers, wanted: Any
) -> npt.NDArray[np.bool_]:
    """Say for which sets of rows all columns that they reach, and all that are wanted, can be matched to them.

    Parameters
    ----------
    starts, columns
        The pattern, row by row.
    part_starts, parts
        The sets of rows, one after the other.
    wanted
        Whether a column has to be reached, shape (sets, columns).
    """
    sets, width = wanted.shape
    found = np.zeros(sets, dtype=np.bool_)
    owner = np.empty(width, dtype=np.int64)  # the row that a column is matched to
    reached_in = np.full(width, -1, dtype=np.int64)
    visited = np.full(width, -1, dtype=np.int64)
    path = np.empty(len(starts), dtype=np.int64)  # rows on the way
    position = np.empty(len(starts), dtype=np.int64)  # of each of them, the entry that is tried
    search = 0
    for part in range(sets):
        reached = 0
        for place in range(part_starts[part], part_starts[part + 1]):
            if reached == width:
                break
            for entry in range(starts[parts[place]], starts[parts[place] + 1]):
                column = columns[entry]
                if reached_in[column] != part:
                    reached_in[column] = part
                    owner[column] = -1
                    reached += 1
        lost = False
        for column in range(width if reached < width else 0):
            lost = lost or (wanted[part, column] and reached_in[column] != part)
        if lost:
            continue
        matched = 0
        left = part_starts[part + 1] - part_starts[part]
        for place in range(part_starts[part], part_starts[part + 1]):
            if matched == reached or matched + left < reached:
                break
            left -= 1
            search += 1
            matched += _augmented(parts[place], starts, columns, owner, visited, search, path, position)
        found[part] = matched == reached
    return found
