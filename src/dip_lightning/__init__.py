"""Deep Image Prior: restore one damaged image by fitting an untrained network to it alone."""

import lazy_loader

__version__ = "0.1.0"
# What __init__.pyi lists, imported when it is first used: PyTorch takes seconds.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
