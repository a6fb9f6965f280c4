"""Sorted rows against Python's own sorting, whether one number holds a row or not."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.knowledge.graph import sorting


@pytest.mark.parametrize("limit", [sorting.LIMIT, 1])
def test_rows_are_sorted(limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sorting, "LIMIT", limit)
    generator = np.random.default_rng(3)
    for count in (0, 1, 200):
        sizes = (5, 1, 70_000)
        columns = [generator.integers(0, size, count, dtype=np.int32) for size in sizes]
        rows = sorting.sort_rows(iter(columns), sizes)
        assert [column.dtype for column in rows] == [np.int32] * 3
        found = list(zip(*(column.tolist() for column in rows), strict=True))
        assert found == sorted(zip(*(column.tolist() for column in columns), strict=True))


def test_numbers_too_great_for_one_are_sorted() -> None:
    top = (1 << 31) - 1
    columns = [np.array([top, 0, top, 3]), np.array([2, 5, top, 2]), np.array([7, top, 0, 7])]
    rows = sorting.sort_rows(columns, (1 << 31,) * 3)
    expected = sorted(zip(*(column.tolist() for column in columns), strict=True))
    assert list(zip(*(column.tolist() for column in rows), strict=True)) == expected
