import io
from collections.abc import Iterator
from itertools import count

import pytest

from pipeline.progress import Mode, Shares, progress, say


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_every_item_passes_in_every_mode() -> None:
    for mode in ("auto", "bar", "lines", "none"):
        assert list(progress(range(7), 7, "images", mode, stream=io.StringIO())) == list(range(7))


def test_a_line_every_thirty_seconds_and_no_bar_where_there_is_no_terminal() -> None:
    ticks = count(0, 10)  # each look at the clock is 10 s after the one before
    stream = io.StringIO()
    assert (
        len(
            list(
                progress(
                    range(7), 7, "images", title="tags", stream=stream, clock=lambda: next(ticks)
                )
            )
        )
        == 7
    )
    assert stream.getvalue().splitlines() == [
        "tags: 3/7 images, 0.1 images/s, 40 s left",
        "tags: 6/7 images, 0.1 images/s, 10 s left",
    ]


def test_a_batch_counts_as_its_length() -> None:
    ticks = count(0, 100)
    stream = io.StringIO()
    batches = [range(16), range(16), range(8)]
    list(
        progress(
            batches, 40, "images", "lines", weight=len, stream=stream, clock=lambda: next(ticks)
        )
    )
    assert [line.split(",")[0] for line in stream.getvalue().splitlines()] == [
        "16/40 images",
        "32/40 images",
        "40/40 images",
    ]


@pytest.mark.parametrize("mode", ["auto", "bar"])
def test_a_bar_on_a_terminal(mode: Mode) -> None:
    stream = Terminal()
    list(progress(range(3), 3, "images", mode, title="tags", stream=stream))
    assert "tags: 100%" in stream.getvalue()
    assert "3/3" in stream.getvalue()


def test_none_says_nothing() -> None:
    stream = Terminal()
    list(progress(range(3), 3, "images", "none", stream=stream))
    assert stream.getvalue() == ""


def test_a_step_within_another_counts_for_itself_alone() -> None:
    ticks = iter([0, 10, 13, 20])
    shares = Shares(clock=lambda: next(ticks))
    with shares.of("forward"), shares.of("decode"):
        pass
    assert shares.seconds == {"decode": 3, "forward": 17}


def test_a_note_says_what_bounds_the_loop() -> None:
    ticks = count(0, 40)
    lines, bar = io.StringIO(), Terminal()
    clock = lambda: next(ticks)  # noqa: E731
    list(progress(range(2), 2, "images", note=lambda: "why", stream=lines, clock=clock))
    assert [line.split(", ")[-1] for line in lines.getvalue().splitlines()] == ["why", "why"]
    list(progress(range(2), 2, "images", "bar", note=lambda: "why", stream=bar))
    assert "why" in bar.getvalue()


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
        now[0] += 100  # of nobody
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
