"""What changes theta: the optimiser, the course of its rate, the limit of a step; the average."""

from dip_lightning.optimizers.averaging import add_to_average
from dip_lightning.optimizers.layout import lay_out_state
from dip_lightning.optimizers.muon import Muon
from dip_lightning.optimizers.schedule import course, halved, warmup_cosine
from dip_lightning.optimizers.stability import StepLimit

__all__ = [
    "Muon",
    "StepLimit",
    "add_to_average",
    "course",
    "halved",
    "lay_out_state",
    "warmup_cosine",
]
