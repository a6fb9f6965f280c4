from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from pipeline.language.pieces import Pieces
from pipeline.language.windows import windows

LENGTHS = st.lists(st.integers(0, 9), min_size=1, max_size=60)


def pieces(lengths: Sequence[int]) -> tuple[list[str], Pieces]:
    """Words of so many pieces each; a piece's number tells its word."""
    words = [str(at) for at in range(len(lengths))]
    return words, Pieces("", (-1,), (-2, -3), 0, lambda word: (int(word),) * lengths[int(word)])


@given(LENGTHS, st.integers(10, 40), st.integers(0, 5))
def test_each_word_with_a_piece_is_taken_once_from_its_own_pieces(
    lengths: list[int], window: int, overlap: int
) -> None:
    words, made = pieces(lengths)
    found = windows(words, made, window, overlap, first=False)
    taken = [word for one in found for word in one.taken]
    assert sorted(taken) == [word for word, length in enumerate(lengths) if length]
    for one in found:
        assert len(one.ids) <= window
        assert (one.ids[0], *one.ids[-2:]) == (-1, -2, -3)
        for word, (start, stop) in one.taken.items():
            assert set(one.ids[start:stop]) == {word}
            if overlap >= lengths[word]:
                assert stop - start == lengths[word]  # whole


@given(LENGTHS, st.integers(10, 40), st.integers(0, 5))
def test_a_word_stands_nowhere_more_inside(lengths: list[int], window: int, overlap: int) -> None:
    lengths = [min(length, overlap) for length in lengths]  # each is whole in some window
    words, made = pieces(lengths)
    found = windows(words, made, window, overlap, first=False)

    def margin(at: int, word: int) -> float:
        """The slow way: how many pieces stand between the word and a border of the window."""
        ids = found[at].ids[1:-2]
        if ids.count(word) < lengths[word]:
            return -1
        before = ids.index(word) if at else float("inf")
        behind = ids[::-1].index(word) if at < len(found) - 1 else float("inf")
        return min(before, behind)

    for at, one in enumerate(found):
        for word in one.taken:
            assert margin(at, word) == max(margin(other, word) for other in range(len(found)))


def test_a_short_post_is_one_window() -> None:
    words, made = pieces([2, 0, 1])
    (only,) = windows(words, made, 10, 4, first=False)
    assert only.ids == (-1, 0, 0, 2, -2, -3)
    assert only.taken == {0: (1, 3), 2: (3, 4)}
    (first,) = windows(words, made, 10, 4, first=True)
    assert first.taken == {0: (1, 2), 2: (3, 4)}
