import io
from collections.abc import Callable, Iterator
from itertools import count
from types import SimpleNamespace

import pytest

from pipeline.progress import Mode, Shares, progress, say


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """Make standard error a file."""
    stream = io.StringIO()
    monkeypatch.setattr("pipeline.progress.sys", SimpleNamespace(stderr=stream))
    return stream


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Make standard error a terminal."""
    stream = Terminal()
    monkeypatch.setattr("pipeline.progress.sys", SimpleNamespace(stderr=stream))
    return stream


@pytest.fixture
def tick(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """After `tick(n)` each look at the clock is n seconds after the one before."""
    return lambda n: monkeypatch.setattr("pipeline.progress.monotonic", count(0, n).__next__)


@pytest.mark.parametrize("mode", ["auto", "bar", "lines", "none"])
def test_every_item_passes_in_every_mode(mode: Mode) -> None:
    assert list(progress(range(7), 7, "images", mode)) == list(range(7))


def test_a_line_every_thirty_seconds_and_no_bar_where_there_is_no_terminal(
    log: io.StringIO, tick: Callable[[int], None]
) -> None:
    tick(10)
    assert len(list(progress(range(7), 7, "images", title="tags"))) == 7
    assert log.getvalue().splitlines() == [
        "tags: 3/7 images, 0.1 images/s, 40 s left",
        "tags: 6/7 images, 0.1 images/s, 10 s left",
    ]


def test_a_batch_counts_as_its_length(log: io.StringIO, tick: Callable[[int], None]) -> None:
    tick(100)
    batches = [range(16), range(16), range(8)]
    list(progress(batches, 40, "images", "lines", weight=len))
    assert [line.split(",")[0] for line in log.getvalue().splitlines()] == [
        "16/40 images",
        "32/40 images",
        "40/40 images",
    ]


def test_without_a_total_no_time_is_left_to_tell(
    log: io.StringIO, tick: Callable[[int], None]
) -> None:
    tick(100)
    assert list(progress(range(2), None, "posts", "lines")) == [0, 1]
    assert log.getvalue().splitlines() == ["1 posts, 0.01 posts/s", "2 posts, 0.01 posts/s"]


@pytest.mark.parametrize("mode", ["auto", "bar"])
def test_a_bar_on_a_terminal(mode: Mode, terminal: Terminal) -> None:
    list(progress(range(3), 3, "images", mode, title="tags"))
    assert "tags: 100%" in terminal.getvalue()
    assert "3/3" in terminal.getvalue()


def test_none_says_nothing(terminal: Terminal) -> None:
    list(progress(range(3), 3, "images", "none"))
    assert terminal.getvalue() == ""


def test_a_note_stands_behind_each_line(log: io.StringIO, tick: Callable[[int], None]) -> None:
    tick(40)
    list(progress(range(2), 2, "images", note=lambda: "why"))
    assert [line.split(", ")[-1] for line in log.getvalue().splitlines()] == ["why", "why"]


def test_a_note_stands_behind_the_bar(terminal: Terminal) -> None:
    list(progress(range(2), 2, "images", note=lambda: "why"))
    assert "why" in terminal.getvalue()


def test_a_step_within_another_counts_for_itself_alone() -> None:
    ticks = iter([0, 10, 13, 20])
    shares = Shares(clock=lambda: next(ticks))
    with shares.of("forward"), shares.of("decode"):
        pass
    assert shares.seconds == {"decode": 3, "forward": 17}


def test_shares_are_what_the_loop_waits_for() -> None:
    now = [0.0]
    shares = Shares(clock=lambda: now[0])
    assert str(shares) == ""

    def decoded() -> Iterator[int]:
        for item in range(3):
            now[0] += 1
            yield item

    for _ in shares.over("decode", decoded()):
        with shares.of("forward"):
            now[0] += 2
        with shares.of("write"):
            now[0] += 1
        now[0] += 100  # no step counts this
    assert shares.seconds == {"decode": 3, "forward": 6, "write": 3}
    assert str(shares) == "bound by forward (decode 25 %, forward 50 %, write 25 %)"


def test_a_step_that_raises_is_counted_and_passes_its_error_on() -> None:
    shares = Shares(clock=count(0, 5).__next__)
    with pytest.raises(KeyError), shares.of("write"):
        raise KeyError("disk")
    assert shares.seconds == {"write": 5}


def test_what_is_said_goes_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    say("half")
    assert capsys.readouterr() == ("", "half\n")
