"""The one family of errors that a user can mend; stages print them without a traceback."""

import textwrap

LONGEST = 300  # characters of another library's message


class PipelineError(Exception):
    """Bad input or bad parameters: names the file, line or image, and says what to do."""


def first_line(error: BaseException) -> str:
    """What an error of a library says, in one line, and not a long one."""
    said = str(error).strip().splitlines()
    return textwrap.shorten(said[0], LONGEST) if said else type(error).__name__
