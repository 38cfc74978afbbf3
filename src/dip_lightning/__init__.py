"""Deep Image Prior: restore one damaged image by fitting an untrained network to it alone."""

import os

import lazy_loader

__version__ = "0.1.0"
# PyTorch's threads would wait busily for each other, and keep the cores from those of another fit;
# GNU's OpenMP reads this as PyTorch is loaded.
os.environ.setdefault("GOMP_SPINCOUNT", "1000")
# What __init__.pyi lists, imported when it is first used: PyTorch takes seconds.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
