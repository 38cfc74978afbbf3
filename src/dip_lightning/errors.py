"""The one exception that reaches a user as a sentence instead of a traceback."""


class UserError(ValueError):
    """A user's mistake: names the key or file, what was given and what is allowed.

    Args:
        sentence: one line; line breaks and control characters in what was given are escaped.
    """

    def __init__(self, sentence: str) -> None:
        super().__init__("".join(c if c.isprintable() else repr(c)[1:-1] for c in sentence))
