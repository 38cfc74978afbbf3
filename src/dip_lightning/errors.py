"""The one exception that reaches a user as a sentence instead of a traceback."""


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


class FolderError(UserError):
    """The result folder is not this job's to write to; nothing in it may be touched."""
