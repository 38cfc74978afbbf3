"""Reading and writing images without losing size, channels or depth."""

from dip_lightning.images.decoded import Decoded
from dip_lightning.images.kernels import kernel_of_image, read_kernel, understood_kernel
from dip_lightning.images.masks import MaskFile, doubt, draw_black, read_mask
from dip_lightning.images.measurements import read_measured
from dip_lightning.images.picture import (
    Format,
    Picture,
    describe_noise,
    preview,
    quantise,
    to_pillow,
    with_beyond,
)
from dip_lightning.images.ranges import without_single
from dip_lightning.images.reading import SUFFIXES, opaque, open_file, read, scale, scale_known
from dip_lightning.images.writing import write_png, write_tiff

__all__ = [
    "SUFFIXES",
    "Decoded",
    "Format",
    "MaskFile",
    "Picture",
    "describe_noise",
    "doubt",
    "draw_black",
    "kernel_of_image",
    "opaque",
    "open_file",
    "preview",
    "quantise",
    "read",
    "read_kernel",
    "read_mask",
    "read_measured",
    "scale",
    "scale_known",
    "to_pillow",
    "understood_kernel",
    "with_beyond",
    "without_single",
    "write_png",
    "write_tiff",
]
