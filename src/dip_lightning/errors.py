"""The one exception that reaches a user as a sentence instead of a traceback."""

import traceback
from pathlib import Path

OURS = ("<frozen importlib", str(Path(traceback.__file__).parent / "importlib"))
PACKAGE = str(Path(__file__).resolve().parent)


class UserError(ValueError):
    """A user's mistake: names the key or file, what was given and what is allowed.

    Args:
        sentence: one line; line breaks and control characters in what was given are escaped.
        diagnosis: the short word for it in metrics.json, where there is one.

    Example:
        >>> import dip_lightning as dip
        >>> try:
        ...     dip.FitSettings(lr=-1).check_fit()
        ... except dip.UserError as error:
        ...     print(error)
        lr=-1: expected more than 0, at most 10
    """

    def __init__(self, sentence: str, diagnosis: str | None = None) -> None:
        super().__init__("".join(c if c.isprintable() else repr(c)[1:-1] for c in sentence))
        self.diagnosis = diagnosis


def first_line(error: BaseException) -> str:
    """Shorten what another library says to a part of a sentence."""
    return str(error).strip().partition("\n")[0].rstrip(".") or type(error).__name__


class CodeError(UserError):
    """A user's own code has raised something: `__cause__`, whose traceback is for the user."""


def said(error: BaseException) -> str:
    """Write an exception as a part of a sentence: its type, and its first line."""
    return f"{type(error).__name__}: {first_line(error)}"


def traceback_of(error: CodeError) -> str:
    """Write the traceback of what a user's own code has raised, from its first frame on."""
    cause = error.__cause__ or error
    frames = cause.__traceback__
    while frames and frames.tb_frame.f_code.co_filename.startswith((*OURS, PACKAGE)):
        frames = frames.tb_next
    return "".join(traceback.format_exception(type(cause), cause, frames)).rstrip()


class FolderError(UserError):
    """The result folder is not this job's to write to; nothing in it may be touched."""
