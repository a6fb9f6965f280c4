"""The one family of errors that a user can mend; stages print them without a traceback."""

LONGEST = 300  # characters of another library's message


class PipelineError(Exception):
    """Bad input or bad parameters: names the file, line or image, and says what to do."""


def first_line(error: BaseException) -> str:
    """What an error of a library says, in one line, and not a long one."""
    said = next(iter(str(error).strip().splitlines()), type(error).__name__)
    return said if len(said) <= LONGEST else f"{said[:LONGEST]}…"
