"""What the tests put beside the pixels."""

from dataclasses import replace

from PIL import Image

from dip_lightning.images import Picture

XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><tiff:Orientation>6</tiff:Orientation></x:xmpmeta>'
CAMERA = {0xA002: 14, 0xA003: 9, 0x829A: 0.005, 0x927C: b"a camera's own notes"}


def exif_of_a_camera(orientation: int = 1) -> Image.Exif:
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "Maker", orientation
    exif[0x011A], exif[0x011B], exif[0x0128] = 300.0, 150.0, 2
    exif[0x8769], exif[0x8825] = dict(CAMERA), {1: "N", 2: (1.0, 2.0, 3.5)}
    loaded = Image.Exif()  # Pillow saves the inner directories in a TIFF only if it has read them
    loaded.load(exif.tobytes())
    return loaded


def enlarged(picture: Picture, factor: int) -> Picture:
    pixels = picture.pixels.repeat_interleave(factor, 2).repeat_interleave(factor, 3)
    return replace(picture, pixels=pixels)
