"""Raw text into tokens like those of the Twitter corpora, each with its place in the text.

The rules are the regular expression of NLTK's TweetTokenizer: hashtags, @names, links and emoticons
stay whole, punctuation stands apart. Its method `tokenize` first replaces HTML entities and
shortens repeated signs, so that its tokens have no place in the text, and the corpora do neither
(`&amp` is a token of theirs). So the expression goes over the text itself, and `text[start:end]` is
the token, whatever the text holds. Two rules are added:

- An apostrophe inside a word is a token, as in the corpora: `Kobe's` is `Kobe`, `'`, `s`. Otherwise
  a name in the genitive would be a word that no system has seen.
- A token has no white space (NLTK's `. . .` has): a line of a CoNLL file is one token.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from nltk.tokenize.casual import TweetTokenizer

_TOKEN = TweetTokenizer().WORD_RE
_PART = re.compile(r"['’]|[^'’\s]+")
_WORD = re.compile(r"\w+(?:['’]\w*)+")


@dataclass(frozen=True)
class Token:
    """A stretch of the text: `text[start:end]`."""

    start: int
    end: int


def tokenize(text: str) -> list[Token]:
    """The tokens of a text, from its beginning to its end; none if it is all white space."""
    tokens = []
    for match in _TOKEN.finditer(text):
        start, end = match.span()
        found = match.group()
        if found.isalnum() or (found.split() == [found] and not _WORD.fullmatch(found)):
            tokens.append(Token(start, end))
        else:
            parts = _PART.finditer(found)
            tokens += [Token(start + part.start(), start + part.end()) for part in parts]
    return tokens


def joined(words: list[str] | tuple[str, ...]) -> tuple[str, list[Token]]:
    """The text of words that came without one, joined by spaces, and their places in it."""
    tokens, at = [], 0
    for word in words:
        tokens.append(Token(at, at + len(word)))
        at += len(word) + 1
    return " ".join(words), tokens
