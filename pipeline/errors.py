"""The one family of errors that a user can mend; stages print them without a traceback."""


class PipelineError(Exception):
    """Bad input or bad parameters: names the file, line or image, and says what to do."""
