import math

import numpy as np
import pytest
import torch
from PIL import Image

from dip_lightning.operators import Downsample, pillow_downsample
from tests.conftest import smooth_image


def reference(x: np.ndarray, factor: int, lobes: int) -> np.ndarray:
    """The definition, in float64, one sum per sample, along both axes."""

    def along_rows(lines: np.ndarray) -> np.ndarray:
        size = lines.shape[0]
        out = []
        for i in range(math.ceil(size / factor)):
            centre = i * factor + (factor - 1) / 2
            near = range(
                math.floor(centre - lobes * factor), math.ceil(centre + lobes * factor) + 1
            )
            inside = [p for p in near if abs(p - centre) < lobes * factor]
            t = (np.array(inside) - centre) / factor
            weights = np.sinc(t) * np.sinc(t / lobes)
            pixels = lines[np.clip(inside, 0, size - 1)]
            out.append(np.tensordot(weights / weights.sum(), pixels, 1))
        return np.stack(out)

    return along_rows(along_rows(x).T).T


@pytest.mark.parametrize("factor", [2, 3, 4, 5, 8])
@pytest.mark.parametrize(("kernel", "lobes"), [("lanczos2", 2), ("lanczos3", 3)])
def test_equals_the_definition(factor, kernel, lobes):
    x = torch.rand(1, 1, 19, 23, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    y = Downsample(factor, kernel).double()
    y.taps = y.taps.double()
    expected = reference(x[0, 0].numpy(), factor, lobes)
    np.testing.assert_allclose(y(x)[0, 0].numpy(), expected, atol=1e-6)


@pytest.mark.parametrize("factor", range(2, 33))
def test_every_factor_keeps_a_constant_and_the_size(factor):
    y = Downsample(factor)(torch.full((1, 1, 37, 41), 0.3))
    assert y.shape == (1, 1, math.ceil(37 / factor), math.ceil(41 / factor))
    torch.testing.assert_close(y, torch.full_like(y, 0.3))


@pytest.mark.parametrize("factor", [2, 3, 4, 8])
def test_does_not_shift_the_image(factor):
    """A ramp stays a ramp: each sample is the value at the centre of its block."""
    size = 24 * factor
    ramp = torch.arange(size, dtype=torch.float32).view(1, 1, 1, size).expand(1, 1, size, size)
    centres = torch.arange(24) * factor + (factor - 1) / 2
    inner = slice(4, -4)
    torch.testing.assert_close(Downsample(factor)(ramp)[0, 0, 8, inner], centres[inner])


def test_lanczos3_agrees_with_pillow_inside():
    x = (smooth_image(1, 64, 48) * 255).round() / 255
    small = Image.fromarray((x[0, 0] * 255).byte().numpy()).resize(
        (12, 16), Image.Resampling.LANCZOS
    )
    inner = (slice(4, -4), slice(4, -4))
    ours = Downsample(4, "lanczos3")(x)[0, 0][inner] * 255
    assert np.abs(ours.numpy() - np.asarray(small, dtype=np.float32)[inner]).max() <= 1


def test_pillow_is_another_observation():
    x = smooth_image(3, 21, 30)
    y = pillow_downsample(x, 4)
    assert y.shape == (1, 3, 6, 8)
    torch.testing.assert_close(y * 255, (y * 255).round())
    assert 1e-4 < (y - Downsample(4)(x)).abs().max() < 0.2


def test_pillows_observation_is_pillows():
    """Exactly; a last, incomplete block is filled with the nearest pixels."""
    x = (smooth_image(3, 24, 32) * 255).round() / 255
    expected = [
        np.asarray(
            Image.fromarray((plane * 255).round().byte().numpy()).resize(
                (8, 6), Image.Resampling.LANCZOS
            )
        )
        for plane in x[0]
    ]
    y = pillow_downsample(x, 4)
    assert np.array_equal((y[0] * 255).round().numpy(), np.stack(expected))
    cut = x[..., :21, :30]
    wide = torch.nn.functional.pad(cut, (0, 2, 0, 3), mode="replicate")
    assert torch.equal(pillow_downsample(cut, 4), pillow_downsample(wide, 4))


@pytest.mark.parametrize(
    ("arguments", "named"),
    [((0,), "factor=0"), ((2, "box"), "kernel=box"), ((2, "lanczos2", 0.3), "phase=0.3")],
)
def test_refuses_what_it_cannot_do(arguments, named):
    with pytest.raises(ValueError, match=named):
        Downsample(*arguments)
