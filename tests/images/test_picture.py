"""Images in memory."""

import numpy as np
import pytest
import torch

from dip_lightning.errors import UserError
from dip_lightning.images import (
    Format,
    Picture,
    describe_noise,
    preview,
    quantise,
    to_pillow,
    with_beyond,
)


def test_preview_shows_gray_or_colour():
    assert preview(torch.rand(1, 1, 4, 4)).shape[1] == 1
    assert preview(torch.rand(1, 2, 4, 4)).shape[1] == 1
    assert preview(torch.rand(1, 5, 4, 4)).shape[1] == 3


@pytest.mark.parametrize(("dtype", "high"), [("uint8", 255.0), ("uint16", 65535.0)])
def test_quantise_rounds_and_clips(dtype, high):
    pixels = torch.tensor([[[[-1.0, 0.4 / high, 0.6 / high, 2.0]]]])
    stored = quantise(pixels, Format(dtype, high=(high,)))
    assert stored.dtype == np.dtype(dtype)
    assert stored[..., 0].tolist() == [[0, 0, 1, int(high)]]


def test_quantise_maps_floats_to_their_own_range():
    stored = quantise(
        torch.tensor([[[[0.0, 0.25, 1.0]]]]), Format("float32", low=(-2.0,), high=(6.0,))
    )
    assert stored[..., 0].tolist() == [[-2, 0, 6]]


def test_quantise_has_a_range_for_each_channel():
    form = Format("float32", low=(-2.0, 0.0), high=(6.0, 100.0))
    assert quantise(torch.full((1, 2, 1, 1), 0.5), form).tolist() == [[[2.0, 50.0]]]
    assert form.ranges == [[-2.0, 6.0], [0.0, 100.0]]


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (3, "RGB")])
def test_a_pil_image_is_gray_or_colour(channels, mode):
    pixels = torch.rand(1, channels, 4, 6)
    image = to_pillow(pixels)
    assert (image.size, image.mode) == ((6, 4), mode)
    stored = quantise(pixels, Format())
    assert np.array_equal(np.asarray(image).reshape(stored.shape), stored)
    assert to_pillow(pixels[:, :1], Format("uint16", high=(65535.0,))).mode == "I;16"


def test_a_range_is_whole_where_it_is_the_types():
    assert Format().is_whole
    assert Format("float32", high=(1.0,)).is_whole
    assert not Format("uint16").is_whole


def test_margins_are_cut_off_all_that_belongs_to_the_pixels():
    pixels, alpha = torch.rand(1, 3, 9, 8), torch.rand(1, 1, 9, 8)
    picture = Picture(pixels, alpha, Format(), beyond=pixels).without((2, 1))
    assert picture.size == (5, 6)
    for cut, whole in (
        (picture.pixels, pixels), (picture.alpha, alpha), (picture.beyond, pixels)
    ):  # fmt: skip
        assert torch.equal(cut, whole[..., 2:-2, 1:-1])
    assert picture.known is None


@pytest.mark.parametrize(("size", "cut"), [((5, 9), (4, 4)), ((3, 9), (3, 4)), ((4, 4), (4, 4))])
def test_middle(size, cut):
    image = torch.arange(size[0] * size[1]).view(1, 1, *size).float()
    picture = Picture(image, None, Format())
    middle = picture.middle(4)
    inner = picture.part(*middle).pixels
    assert inner.shape[-2:] == cut
    top, left = (size[0] - cut[0]) // 2, (size[1] - cut[1]) // 2
    assert inner[0, 0, 0, 0] == image[0, 0, top, left]
    assert inner.is_contiguous()
    alpha = Picture(image, image, Format()).part(*middle).alpha
    assert torch.equal(alpha, inner)
    assert picture.part(*middle).alpha is None


@pytest.mark.parametrize(
    ("stored", "white"),
    [
        (Format(), 1),
        (Format("uint8", low=(0.0,), high=(51.0,)), 5),
        (Format("uint16", low=(100.0,), high=(612.0,)), 1),
        (Format("float32", low=(-0.25,), high=(1.0,)), 0.8),
        (Format("float32", low=(0.0,), high=(4000.0,)), 1),
        (Format("float32", low=(-0.25, 0.0), high=(1.0, 1.0)), 1),
    ],
)
def test_white_is_that_of_the_type_or_of_a_range_of_its_own(stored, white):
    assert stored.white == pytest.approx(white)


@pytest.mark.parametrize(
    ("stored", "words"),
    [
        (Format(), "25.5 grey levels of 255"),
        (Format("uint16", high=(65535.0,)), "25.5 grey levels of 255"),
        (Format("uint16", low=(100.0,), high=(612.0,)), "51.2 in the range 100 to 612"),
        (Format("float32", low=(-1.0,), high=(1.0,)), "0.2 in the range -1 to 1"),
        (
            Format("uint16", low=(0.0, 10.0), high=(9.0, 20.0)),
            "0.9 in the range 0 to 9, 1 in the range 10 to 20",
        ),
    ],
)
def test_noise_is_described_as_the_file_counts(stored, words):
    assert describe_noise(0.1, stored) == words


def test_channels_of_counts_have_one_range():
    """What lies beyond their ranges is kept."""
    form = Format("uint16", low=(10.0, 0.0), high=(20.0, 40.0), is_color=False)
    pixels = torch.tensor([0.0, 0.5, 1.0]).expand(1, 2, 1, 3)
    beyond = torch.zeros(1, 2, 1, 3)
    beyond[0, 1, 0, 2] = 0.5
    found = Picture(pixels, None, form, beyond=beyond).from_zero()
    assert found.format.ranges == [[0.0, 40.0]]
    stored = torch.tensor([[[[10.0, 15, 20]], [[0, 20, 60]]]])
    torch.testing.assert_close(40 * (found.pixels + found.beyond), stored)
    assert found.pixels.max() == 1
    assert Picture(pixels, None, Format()).from_zero().format == Format()


def test_a_count_of_zero_is_not_negative():
    rng = np.random.default_rng(0)
    for _ in range(40):
        stored = rng.integers(100, 700, (9, 14, 1)).astype(np.uint16)
        stored[4, 5] = 0  # a dead pixel
        low, high = rng.integers(50, 100), rng.integers(700, 900)
        form = Format("uint16", low=(float(low),), high=(float(high),))
        values = torch.from_numpy((stored - float(low)) / float(high - low)).float()
        values = values.permute(2, 0, 1)[None]
        inside = values.clamp(0, 1)
        found = Picture(inside, None, form, beyond=values - inside).from_zero()
        assert float(found.pixels[0, 0, 4, 5]) == pytest.approx(0, abs=1e-6)
    with pytest.raises(UserError, match="holds negative values"):
        Picture(inside, None, form, beyond=values - inside - 1).from_zero()


def test_what_is_beyond_the_range_comes_back_enlarged():
    pixels, beyond = torch.rand(1, 1, 4, 6), torch.zeros(1, 1, 2, 3)
    beyond[0, 0, 1, 2] = 7
    assert with_beyond(pixels, None) is pixels
    assert torch.equal(with_beyond(pixels[..., :2, :3], beyond), pixels[..., :2, :3] + beyond)
    assert float((with_beyond(pixels, beyond) - pixels)[0, 0, 3, 5]) == pytest.approx(7)
