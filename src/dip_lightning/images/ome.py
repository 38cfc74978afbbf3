"""OME-XML, kept true of the pixels that it describes."""

import xml.etree.ElementTree as ET
from fractions import Fraction

PIXEL_SIZES = ("PhysicalSizeX", "PhysicalSizeY")


def rewritten(xml: str, size: tuple[int, int], scale: tuple[Fraction, Fraction]) -> str:
    """Make OME-XML say what is true of an image of another size, alone in its file.

    Args:
        xml: describes one image without a third dimension or time.
        size: (H, W) of the new image, pixels.
        scale: pixels per pixel of the old image, x and y.
    """
    root = ET.fromstring(xml)  # noqa: S314 - tifffile has parsed it, and expat has limits
    space = root.tag.partition("}")[0] + "}" if root.tag.startswith("{") else ""
    root.attrib.pop("UUID", None)  # another file's
    for pixels in root.iter(f"{space}Pixels"):
        pixels.set("SizeY", str(size[0]))
        pixels.set("SizeX", str(size[1]))
        for name, factor in zip(PIXEL_SIZES, scale, strict=True):
            if name in pixels.attrib:
                pixels.set(name, repr(float(pixels.attrib[name]) / float(factor)))
        planes = pixels.findall(f"{space}TiffData")
        for plane in planes[1:]:
            pixels.remove(plane)
        for plane in planes[:1]:  # every page in its order, of this file
            tail = plane.tail
            plane.clear()
            plane.tail = tail
    return _text(root, space)


def typed(xml: str, dtype: str) -> str:
    """Make OME-XML name the type of the values that are stored, little-endian."""
    root = ET.fromstring(xml)  # noqa: S314
    space = root.tag.partition("}")[0] + "}" if root.tag.startswith("{") else ""
    for pixels in root.iter(f"{space}Pixels"):
        pixels.set("Type", {"float32": "float", "float64": "double"}.get(dtype, dtype))
        pixels.set("BigEndian", "false")
        pixels.attrib.pop("SignificantBits", None)
    return _text(root, space)


def _text(root: ET.Element, space: str) -> str:
    if space:
        ET.register_namespace("", space[1:-1])
    text: bytes = ET.tostring(root, encoding="us-ascii", xml_declaration=True)
    return text.decode()
