"""Deep Image Prior: restore one damaged image by fitting an untrained network to it alone."""

__version__ = "0.1.0"
