import pytest
import torch

from dip_lightning.errors import UserError
from dip_lightning.generators.inputs import draw_input, meshgrid, perturb

SHAPE = (4, 61, 53)


def draw(kind, shape=SHAPE, *, image=None, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return draw_input(kind, shape, scale=0.1, image=image, generator=generator)


def test_uniform_lies_between_0_and_scale():
    z = draw("uniform")
    assert z.shape == (1, *SHAPE)
    assert 0 <= z.min() < 0.001
    assert 0.099 < z.max() <= 0.1


def test_normal_has_the_scale_as_standard_deviation():
    z = draw("normal")
    assert abs(float(z.std()) - 0.1) < 0.003
    assert abs(float(z.mean())) < 0.003


def test_seed_decides():
    assert torch.equal(draw("uniform"), draw("uniform"))
    assert not torch.equal(draw("uniform"), draw("uniform", seed=1))


def test_meshgrid_is_the_position_of_each_pixel():
    z = meshgrid(3, 5)
    assert z.shape == (1, 2, 3, 5)
    torch.testing.assert_close(z[0, 0, 1], torch.tensor([0, 0.25, 0.5, 0.75, 1]))
    torch.testing.assert_close(z[0, 1, :, 1], torch.tensor([0, 0.5, 1]))


def test_image_is_used_as_it_is():
    image = torch.rand(1, 3, 7, 9)
    assert draw("image", (3, 7, 9), image=image) is image


@pytest.mark.parametrize(
    ("kind", "shape", "image", "named"),
    [
        ("meshgrid", (32, 5, 5), None, "input_depth=32.*input_depth=2"),
        ("image", (3, 5, 5), None, "needs the image"),
        ("image", (3, 5, 5), torch.rand(1, 3, 5, 6), "6 x 5 pixels, expected 5 x 5"),
        ("image", (32, 5, 5), torch.rand(1, 3, 5, 5), "input_depth=3 is needed"),
    ],
)
def test_refuses_an_input_that_does_not_fit(kind, shape, image, named):
    with pytest.raises(UserError, match=named):
        draw(kind, shape, image=image)


def test_perturb_adds_fresh_noise_and_keeps_z(generator):
    z = torch.zeros(1, *SHAPE)
    first, second = perturb(z, 0.05, generator), perturb(z, 0.05, generator)
    assert not torch.equal(first, second)
    assert abs(float(first.std()) - 0.05) < 0.002
    assert torch.equal(z, torch.zeros_like(z))


def test_perturb_by_nothing_is_z(generator):
    z = torch.rand(1, 2, 3, 3)
    assert perturb(z, 0, generator) is z
