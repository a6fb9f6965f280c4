"""Which posts go through a network together: many short ones, or one long one alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

TOKENS = 2048  # padded tokens of a batch
SPELLED = 400_000  # padded characters of a batch's words
LONGEST = 4096  # tokens of a post
LONGEST_SPELLED = 4_000_000  # padded characters of a post's words


def fault_of_length(words: Sequence[str]) -> str:
    """Why a post of these words is too long for the memory; an empty string if it is not."""
    longest = max(map(len, words))
    if len(words) > LONGEST:
        return f"the post has {len(words)} tokens, more than {LONGEST}: split it"
    if len(words) * longest > LONGEST_SPELLED:
        return f"the post has {len(words)} tokens, one of {longest} characters: split it"
    return ""


def parts(posts: Sequence[Sequence[str]]) -> Iterator[list[int]]:
    """Places in batches of like length, each small enough for the memory.

    Args:
        posts: the tokens of each post.
    """
    widths = [max(map(len, tokens)) for tokens in posts]
    # Posts with a very long word come last, for all words of a batch are padded to its length.
    order = sorted(range(len(posts)), key=lambda at: (widths[at] > 64, len(posts[at])))
    part: list[int] = []
    steps = width = tokens = 0
    for place in order:
        steps, width = max(steps, len(posts[place])), max(width, widths[place])
        tokens += len(posts[place])
        if part and (steps * (len(part) + 1) > TOKENS or tokens * width > SPELLED):
            yield part
            part, steps, width, tokens = [], len(posts[place]), widths[place], len(posts[place])
        part.append(place)
    if part:
        yield part
