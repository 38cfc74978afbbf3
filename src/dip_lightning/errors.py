"""The one exception that reaches a user as a sentence instead of a traceback."""


class UserError(ValueError):
    """A user's mistake: names the key or file, what was given and what is allowed."""
