"""Text from files and the network as a terminal may show it: what it would obey is spelled out."""

from __future__ import annotations

import unicodedata

# What a terminal obeys instead of showing: control characters, line separators, lone surrogates,
# and the signs that turn the direction of all that follows.
OBEYED = {"Cc", "Cs", "Zl", "Zp"}
TURNING = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


def plain(text: str) -> str:
    r"""The text with all that a terminal would obey spelled out, such as `\x1b`."""
    return "".join(
        sign.encode("unicode_escape").decode()
        if unicodedata.category(sign) in OBEYED or unicodedata.bidirectional(sign) in TURNING
        else sign
        for sign in text
    )


def plain_lines(text: str) -> str:
    """`plain` of each line: a report or a message of several keeps them."""
    return (
        text if text.isascii() and text.isprintable() else "\n".join(map(plain, text.split("\n")))
    )
