"""Show how far a long loop is: by a bar on a terminal, by a line every half minute elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Literal, TypeVar

from tqdm import tqdm

from pipeline.terminal import plain_lines

T = TypeVar("T")
Mode = Literal["auto", "bar", "lines", "none"]

SECONDS = 30.0  # between two lines


def progress(
    items: Iterable[T],
    total: int | None,
    unit: str,
    mode: Mode = "auto",
    *,
    title: str = "",
    weight: Callable[[T], int] = lambda _: 1,
    note: Callable[[], str] = str,
) -> Iterator[T]:
    """Pass `items` on, and tell on standard error how many of `total` are done.

    Args:
        items: what the loop goes over.
        total: how much there will be in all, in `unit`; None if nobody knows, as of a pipe.
        unit: what is counted, in the plural, e.g. "images".
        mode: "bar"; "lines", one every 30 s; "none"; "auto": a bar on a terminal, lines elsewhere
            (a log file, DVC's output, a batch queue).
        title: the words before the count.
        weight: gives the number of units of one item, e.g. the length of a batch.
        note: gives the words behind each line or the bar, e.g. what bounds the loop.
    """
    if mode == "auto":
        mode = "bar" if sys.stderr.isatty() else "lines"
    if mode == "bar":
        yield from _bar(items, total, unit, title, weight, note)
    elif mode == "lines":
        yield from _lines(items, total, unit, title, weight, note)
    else:
        yield from items


def say(text: str) -> None:
    """Write a line to standard error, above a bar if one is shown."""
    tqdm.write(plain_lines(text), file=sys.stderr)


class Shares:
    """Measures where the time of a loop goes; `str(shares)` says which of its steps bounds it.

    The time of a step is how long the loop waits for it, so that work done by threads in advance
    costs nothing. The time of a step within another counts for the inner one alone.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self.seconds: dict[str, float] = {}
        self._clock = clock

    @contextmanager
    def of(self, step: str) -> Iterator[None]:
        """Count the time of the body as time of `step`."""
        start, counted = self._clock(), sum(self.seconds.values())
        try:
            yield
        finally:
            within = sum(self.seconds.values()) - counted
            self.add(step, self._clock() - start - within)

    def add(self, step: str, seconds: float) -> None:
        """Count time that was measured elsewhere."""
        self.seconds[step] = self.seconds.get(step, 0.0) + seconds

    def over(self, step: str, items: Iterator[T]) -> Iterator[T]:
        """Pass `items` on, and count the wait for each as time of `step`."""
        while True:
            with self.of(step):
                try:
                    item = next(items)
                except StopIteration:
                    return
            yield item

    def __str__(self) -> str:
        total = sum(self.seconds.values())
        if not total:
            return ""
        parts = [f"{step} {100 * spent / total:.0f} %" for step, spent in self.seconds.items()]
        return f"bound by {max(self.seconds, key=self.seconds.__getitem__)} ({', '.join(parts)})"


def _bar(
    items: Iterable[T],
    total: int | None,
    unit: str,
    title: str,
    weight: Callable[[T], int],
    note: Callable[[], str],
) -> Iterator[T]:
    with tqdm(total=total, unit=f" {unit}", desc=title or None, file=sys.stderr) as bar:
        for item in items:
            yield item
            bar.set_postfix_str(note(), refresh=False)
            bar.update(weight(item))


def _lines(
    items: Iterable[T],
    total: int | None,
    unit: str,
    title: str,
    weight: Callable[[T], int],
    note: Callable[[], str],
) -> Iterator[T]:
    start = last = monotonic()
    done = 0
    for item in items:
        yield item
        done += weight(item)
        now = monotonic()
        if now - last >= SECONDS:
            last = now
            rate = done / (now - start)
            head = f"{title}: " if title else ""
            tail = f", {note()}" if note() else ""
            of, ends = "", ""
            if total is not None:
                left = max(total - done, 0) / rate if rate else float("inf")
                of, ends = f"/{total}", f", {_duration(left)} left"
            sys.stderr.write(f"{head}{done}{of} {unit}, {rate:.3g} {unit}/s{ends}{tail}\n")
            sys.stderr.flush()


def _duration(seconds: float) -> str:
    """E.g. "45 s", "2 min 5 s", "3 h 20 min"."""
    if seconds == float("inf"):
        return "unknown time"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
