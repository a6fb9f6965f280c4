"""An output is whole lines at any time, and goes on where it stopped."""

import json
from pathlib import Path

import pytest

from pipeline.errors import PipelineError
from pipeline.files import NoRoomError
from pipeline.predict.records import Record
from pipeline.predict.writing import append, begin, resume

ROWS = [Record(f"r{n}", "x", None, None, n + 1) for n in range(6)]
LINES = [json.dumps({"id": row.id}) + "\n" for row in ROWS]


@pytest.mark.parametrize("cut", range(0, len("".join(LINES)) + 1, 5))
def test_resume_goes_on_behind_the_last_whole_line(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "out.jsonl"
    path.write_bytes("".join(LINES).encode()[:cut])
    left, done = resume(path, ROWS)
    texts = [LINES[ROWS.index(row)] for row in left if isinstance(row, Record)]
    assert sum(append(path, texts, 2)) == len(ROWS) - done
    assert path.read_text() == "".join(LINES)


def test_resume_refuses_the_output_of_another_input(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    path.write_text("".join(LINES[1:3]))
    with pytest.raises(PipelineError, match="another input"):
        resume(path, ROWS)
    path.write_text("".join(LINES))
    with pytest.raises(PipelineError, match="no more rows"):
        resume(path, ROWS[:3])
    assert path.read_text() == "".join(LINES)


def test_what_is_there_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    path.write_text("precious")
    with pytest.raises(PipelineError, match="--resume"):
        begin(path)
    assert path.read_text() == "precious"


def test_a_full_disk_leaves_whole_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "out.jsonl"
    begin(path)

    def half(descriptor: int, content: bytes) -> int:
        if path.stat().st_size > 40:
            raise OSError(28, "No space left on device")
        return real(descriptor, content[: len(content) // 2 + 1])

    import pipeline.predict.writing as writing

    real = writing.os.write
    monkeypatch.setattr(writing.os, "write", half)
    with pytest.raises(NoRoomError, match="--resume"):
        list(append(path, LINES, 2))
    kept = path.read_text()
    assert kept == "".join(LINES)[: len(kept)]
    assert kept.endswith("\n")
    assert kept.count("\n") >= 2


def test_the_full_device_is_a_sentence() -> None:
    with pytest.raises(NoRoomError, match="no room"):
        list(append(Path("/dev/full"), LINES, 2))
