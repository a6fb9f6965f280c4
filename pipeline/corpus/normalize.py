"""Bring a token to the form in which it is looked up as a word; the token itself stays as it is."""

from __future__ import annotations

import re
import unicodedata

from pipeline.params.vocab import Normalize

PADDING, UNKNOWN = "<pad>", "<unk>"  # the first two entries of the word and character vocabularies
INVISIBLE, URL, USER = "<invisible>", "<url>", "<user>"

NO_BREAK_SPACE = "\N{NO-BREAK SPACE}"
# the text of a tweet may be cut inside its link, which leaves `http://`, `http:/…` or `http…`
_URL = re.compile(r"(https?:\S*|https?…|www\.\S+)", re.IGNORECASE)
_USER = re.compile(r"@\w+")
_DIGIT = re.compile(r"\d")


def normalize(token: str, form: Normalize) -> str:
    """The word that `token` is looked up as; it is never empty, and its own normal form.

    Invisible marks (Unicode's format characters, variation selectors, no-break spaces) are removed
    first, with white space at the ends; if nothing is left, the word is `<invisible>`. A token that
    is spelled like the padding entry becomes the unknown word, for it must not be masked.
    """
    word = token
    if not token.isascii():
        word = "".join(character for character in token if not _unseen(character))
    word = word.strip() or INVISIBLE
    if form.lowercase:
        word = word.lower()
    if form.urls and _URL.fullmatch(word):
        return URL
    if form.users and _USER.fullmatch(word):
        return USER
    if form.digits:
        word = _DIGIT.sub("0", word)
    return UNKNOWN if word == PADDING else word


def is_url(token: str) -> bool:
    """Whether `token` is a link, whole or cut off."""
    return _URL.fullmatch(token) is not None


def is_invisible(token: str) -> bool:
    """Whether `token` shows nothing."""
    return all(_unseen(character) or character.isspace() for character in token)


def _unseen(character: str) -> bool:
    return (
        character == NO_BREAK_SPACE
        or unicodedata.category(character) == "Cf"
        or "\ufe00" <= character <= "\ufe0f"  # variation selectors 1 to 16
        or "\U000e0100" <= character <= "\U000e01ef"  # and 17 to 256
    )
