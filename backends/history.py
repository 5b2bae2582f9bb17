"""Rings of numbers: the last five minutes as they came, the last hour in half minutes. About 3.4 kB for a container."""

from __future__ import annotations

from array import array
from collections.abc import Iterator

#: Seconds and number of points of the two rings.
RECENT_POINTS = 300
RECENT_SPAN = 300.0
COARSE_STEP = 30.0
COARSE_POINTS = 120

_NAN = float("nan")


class Ring:
    """A fixed number of (time, value) points; the oldest go. Memory grows only as points come."""

    __slots__ = ("_at", "_size", "_start", "_value")

    def __init__(self, size: int) -> None:
        self._size = size
        self._start = 0
        self._at = array("f")
        self._value = array("f")

    def append(self, at: float, value: float) -> None:
        if len(self._at) < self._size:
            self._at.append(at)
            self._value.append(value)
            return
        self._at[self._start] = at
        self._value[self._start] = value
        self._start = (self._start + 1) % self._size

    def __len__(self) -> int:
        return len(self._at)

    def __iter__(self) -> Iterator[tuple[float, float]]:
        """Oldest first."""
        at, value, start = self._at, self._value, self._start
        for index in range(len(at)):
            place = (start + index) % len(at)
            yield at[place], value[place]

    def last(self, count: int) -> list[float]:
        """The newest `count` values, oldest first."""
        value, start, size = self._value, self._start, len(self._value)
        count = min(count, size)
        return [value[(start + index) % size] for index in range(size - count, size)]


class History:
    """One series. Times are seconds since the fleet was started (float32 keeps 10 ms for a day). A gap is a NaN."""

    __slots__ = ("_count", "_from", "_sum", "coarse", "recent")

    def __init__(self) -> None:
        self.recent = Ring(RECENT_POINTS)
        self.coarse = Ring(COARSE_POINTS)
        self._from = _NAN
        self._sum = 0.0
        self._count = 0

    def append(self, at: float, value: float | None) -> None:
        self.recent.append(at, _NAN if value is None else value)
        if self._from != self._from:
            self._from = at
        elif at - self._from >= COARSE_STEP:
            self.coarse.append(at, self._sum / self._count if self._count else _NAN)
            self._from, self._sum, self._count = at, 0.0, 0
        if value is not None:
            self._sum += value
            self._count += 1
