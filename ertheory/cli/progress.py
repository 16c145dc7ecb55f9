"""A bar on standard error for what takes longer than two seconds."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Any

__all__ = ["Progress"]

_DELAY = 2  # seconds


class Progress:
    """Count what is done, and show it once two seconds have passed: most answers never load the library for that.

    Parameters
    ----------
    options
        What `tqdm.tqdm` takes, such as ``unit``, ``desc`` and ``total``.

    Examples
    --------
    >>> with Progress(unit=" masks") as bar:
    ...     bar.update(3)
    ...     bar.reach(5)
    ...     bar.done
    5
    """

    def __init__(self, **options: Any) -> None:
        self.done: float = 0
        self._options = options
        self._bar: Any = None
        self._start = time.time()

    def update(self, more: float = 1) -> None:
        """Count so many more."""
        self.done += more
        if self._bar is not None:
            self._bar.update(more)
        elif time.time() - self._start >= _DELAY:
            from tqdm import tqdm

            self._bar = tqdm(**self._options, delay=_DELAY, leave=False)
            self._bar.start_t = self._start  # or what was done until now would have taken no time
            self._bar.update(self.done)

    def reach(self, done: float) -> None:
        """Count up to a number that is known in all."""
        self.update(done - self.done)

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()
