"""What happens around a fit: history, diagnostics, progress, panels, stopping, checkpoints."""

from dip_lightning.callbacks.checkpoints import Checkpoints, Storage
from dip_lightning.callbacks.diagnostics import Diagnostics
from dip_lightning.callbacks.history import History
from dip_lightning.callbacks.panels import Panels
from dip_lightning.callbacks.progress import Bar, Progress
from dip_lightning.callbacks.stopping import Stopping

__all__ = [
    "Bar",
    "Checkpoints",
    "Diagnostics",
    "History",
    "Panels",
    "Progress",
    "Stopping",
    "Storage",
]
