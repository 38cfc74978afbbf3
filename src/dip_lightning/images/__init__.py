"""Reading and writing images without losing size, channels or depth."""

from dip_lightning.images.picture import Format, Picture, centre, describe_noise, preview, quantise
from dip_lightning.images.reading import SUFFIXES, read, read_mask
from dip_lightning.images.writing import write_png, write_tiff

__all__ = [
    "SUFFIXES",
    "Format",
    "Picture",
    "centre",
    "describe_noise",
    "preview",
    "quantise",
    "read",
    "read_mask",
    "write_png",
    "write_tiff",
]
