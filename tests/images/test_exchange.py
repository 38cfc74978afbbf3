"""Arrays, tensors and PIL images; what a whole restoration does with them is in test_restoring."""

import numpy as np
import pytest
import torch
from PIL import Image

from dip_lightning.errors import UserError
from dip_lightning.images import scale
from dip_lightning.images.exchange import as_decoded, of_pillow, way_back

RGB = np.arange(5 * 7 * 3, dtype=np.uint8).reshape(5, 7, 3)


def there_and_back(image):
    picture = scale(as_decoded(image), "here", "image")
    return way_back(image, picture, picture.pixels.shape[1])(picture.pixels)


@pytest.mark.parametrize(
    "image",
    [RGB, RGB[..., 0], RGB.astype(np.uint16) * 300, RGB / 255, RGB[..., :2]],
    ids=["rgb", "gray", "uint16", "float", "two channels"],
)
def test_an_array_comes_back_as_it_was(image):
    back = there_and_back(image)
    assert (back.shape, back.dtype) == (image.shape, image.dtype)
    np.testing.assert_allclose(back, image, atol=1e-6 if image.dtype.kind == "f" else 0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_tensor_comes_back_as_it_was(dtype):
    image = torch.from_numpy(RGB).permute(2, 0, 1)[None].to(dtype) / 255
    back = there_and_back(image)
    assert (back.shape, back.dtype) == (image.shape, dtype)
    torch.testing.assert_close(back, image)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "LA"])
def test_a_pillow_image_comes_back_as_it_was(mode):
    image = Image.fromarray(RGB).convert(mode)
    back = there_and_back(image)
    assert (back.mode, back.size) == (mode, image.size)
    assert back.tobytes() == image.tobytes()


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", ["u2", "f4"])
def test_the_order_of_bytes_is_nobodys_business(order, kind):
    deep = (RGB[..., 0].astype(np.uint16) * 300).astype(f"{order}{kind}")
    np.testing.assert_allclose(there_and_back(deep), deep, rtol=1e-6)


def test_a_pillow_image_of_16_bits_keeps_them():
    deep = (RGB[..., 0].astype(np.uint16) * 300).astype(">u2")
    image = Image.frombytes("I;16B", (7, 5), deep.tobytes())
    np.testing.assert_array_equal(np.asarray(there_and_back(image)), deep)
    image.info["transparency"] = 0
    with pytest.raises(UserError, match="mask: is a PIL image of mode I;16B with a transparent"):
        as_decoded(image, "mask")


def test_a_palette_is_taken_as_its_colours():
    image = Image.fromarray(RGB).convert("P")
    np.testing.assert_array_equal(of_pillow(image).array, np.asarray(image.convert("RGB")))


@pytest.mark.parametrize(
    ("image", "said"),
    [
        ([1, 2], "image: is of type list, expected a NumPy array"),
        (torch.rand(2, 3, 4, 4), "image: is a tensor of shape"),
        (np.zeros((2, 3, 4, 5)), "image: is of shape"),
        (np.zeros((0, 4)), "image: is of shape"),
        (np.zeros((3, 8, 9)), r"seems to be \(C, H, W\), expected .*: image.transpose\(1, 2, 0\)"),
        (np.ma.masked_less(np.ones((8, 9)) * [-9999, *[1] * 8], 0), "image: is a masked array"),
        (Image.new("CMYK", (8, 9)), 'mode CMYK, expected gray or RGB: image.convert."RGB"'),
    ],
)
def test_what_is_no_image_is_refused(image, said):
    with pytest.raises(UserError, match=said):
        as_decoded(image)


def test_a_profile_of_other_colours_is_left_out():
    image = Image.fromarray(RGB)
    image.info["icc_profile"] = bytes(16) + b"CMYK" + bytes(108)
    picture = scale(of_pillow(image), "here", "image")
    assert "icc_profile" not in way_back(image, picture, 3)(picture.pixels).info
    image.info["icc_profile"] = bytes(16) + b"RGB " + bytes(108)
    assert "icc_profile" in way_back(image, picture, 3)(picture.pixels).info


def test_another_kind_of_array_is_one():
    for image in (np.ma.masked_array(RGB), RGB.view(np.recarray)):
        found = as_decoded(image).array
        assert type(found) is np.ndarray
        np.testing.assert_array_equal(found, RGB)


def test_pillow_has_no_deep_colours():
    image = Image.fromarray(RGB[..., 0].astype(np.uint16) * 300)
    picture = scale(as_decoded(image), "here", "image")
    with pytest.raises(UserError, match="PIL holds in 8 bits only"):
        way_back(image, picture, 3)
