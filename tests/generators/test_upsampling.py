"""Against the same thing as it is written: upsample, normalise, pad, convolve; in float64."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from dip_lightning.generators import upsampling
from dip_lightning.generators.upsampling import (
    LEAST_BLURRED,
    norm_upsampled,
    same_conv,
    upsampled_conv,
)

SIZES = [(2, 3), (9, 7), (LEAST_BLURRED, LEAST_BLURRED + 5)]


def interpolated(x, mode):
    align = None if mode == "nearest" else False
    return F.interpolate(x, scale_factor=2, mode=mode, align_corners=align)


def written(x, weight, bias, mode, padding):
    padded = nn.ReflectionPad2d if padding == "reflect" else nn.ZeroPad2d
    return F.conv2d(padded(weight.shape[-1] // 2)(interpolated(x, mode)), weight, bias)


def draw(*shape):
    generator = torch.Generator().manual_seed(sum(shape))
    return torch.randn(*shape, generator=generator, dtype=torch.float64).requires_grad_()


def gradients(y, *sources):
    direction = torch.randn(y.shape, generator=torch.Generator().manual_seed(1), dtype=y.dtype)
    return torch.autograd.grad(y, sources, direction)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last], ids=str)
@pytest.mark.parametrize("kernel", [1, 3, 5])
@pytest.mark.parametrize("padding", ["reflect", "zeros"])
@pytest.mark.parametrize("mode", ["nearest", "bilinear"])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_is_the_convolution_of_the_upsampled_image(size, mode, padding, kernel, layout):
    x, weight, bias = draw(2, 3, *size), draw(4, 3, kernel, kernel), draw(4)
    laid = x.contiguous(memory_format=layout)
    y = upsampled_conv(laid, weight, bias, mode=mode, padding=padding)
    expected = written(x, weight, bias, mode, padding)
    torch.testing.assert_close(y, expected, rtol=0, atol=1e-12)
    sources = (x, weight, bias)
    for found, wanted in zip(gradients(y, *sources), gradients(expected, *sources), strict=True):
        torch.testing.assert_close(found, wanted, rtol=0, atol=1e-10)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last], ids=str)
@pytest.mark.parametrize("padding", ["reflect", "zeros"])
@pytest.mark.parametrize("mode", ["nearest", "bilinear"])
def test_keeps_the_layout_forth_and_back(mode, padding, layout):
    x, weight = draw(1, 3, 40, 33).detach(), draw(4, 3, 3, 3)
    x = x.contiguous(memory_format=layout).requires_grad_()
    norm = nn.BatchNorm2d(3, track_running_stats=False, dtype=torch.float64)
    normed = norm_upsampled(x, norm, slice(None), mode)
    assert normed.is_contiguous(memory_format=layout)
    y = upsampled_conv(normed, weight, None, mode=mode, padding=padding)
    assert y.is_contiguous(memory_format=layout)
    (gradient,) = torch.autograd.grad(y.square().sum(), x)
    assert gradient.is_contiguous(memory_format=layout)


@pytest.mark.parametrize("mode", ["nearest", "bilinear"])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_normalises_as_if_it_were_upsampled(size, mode):
    norm = nn.BatchNorm2d(5, track_running_stats=False, dtype=torch.float64)
    nn.init.uniform_(norm.weight, 0.5, 2)
    nn.init.normal_(norm.bias)
    x = draw(2, 3, *size)
    part = slice(2, None)
    y = interpolated(norm_upsampled(7 + x, norm, part, mode), mode)
    expected = F.batch_norm(
        interpolated(7 + x, mode), None, None, norm.weight[part], norm.bias[part], training=True
    )
    torch.testing.assert_close(y, expected, rtol=0, atol=1e-12)
    sources = (x, norm.weight, norm.bias)
    for found, wanted in zip(gradients(y, *sources), gradients(expected, *sources), strict=True):
        torch.testing.assert_close(found, wanted, rtol=0, atol=1e-10)


@pytest.mark.parametrize("mode", ["nearest", "bilinear"])
def test_bfloat16_rounds_and_no_more(mode):
    x, weight, bias = draw(1, 3, 40, 33), draw(4, 3, 3, 3), draw(4)
    low = upsampled_conv(x.bfloat16(), weight.float(), bias.float(), mode=mode, padding="reflect")
    assert low.dtype == torch.bfloat16
    expected = written(x, weight, bias, mode, "reflect")
    largest = 0.03 * float(expected.detach().std())
    torch.testing.assert_close(low.double(), expected, rtol=0, atol=largest)


@pytest.mark.parametrize("mode", ["nearest", "bilinear"])
def test_gradients_in_bfloat16_are_rounded_and_no_more(mode):
    x, weight = draw(1, 3, 40, 33), draw(4, 3, 3, 3)
    norm = nn.BatchNorm2d(3, track_running_stats=False)
    low = norm_upsampled(x.bfloat16(), norm, slice(None), mode)
    low = upsampled_conv(low, weight.float(), None, mode=mode, padding="reflect").double()
    normed = F.batch_norm(interpolated(x, mode), None, None, training=True)
    expected = F.conv2d(nn.ReflectionPad2d(1)(normed), weight)
    for found, wanted in zip(
        gradients(low, x, weight), gradients(expected, x, weight), strict=True
    ):
        assert float((found - wanted).norm() / wanted.norm()) < 0.02


def test_a_second_derivative_is_refused_not_wrong():
    x = draw(1, 3, 40, 33)
    norm = nn.BatchNorm2d(3, track_running_stats=False, dtype=torch.float64)
    y = norm_upsampled(x, norm, slice(None), "bilinear")
    (first,) = torch.autograd.grad(y.pow(3).sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        first.sum().backward()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # PyTorch's compiler deprecates what PyTorch itself uses
def test_is_the_same_compiled():
    norm = nn.BatchNorm2d(3, track_running_stats=False, dtype=torch.float64)

    def both(x, weight):
        normed = norm_upsampled(x, norm, slice(None), "bilinear")
        return upsampled_conv(normed, weight, None, mode="bilinear", padding="reflect")

    x, weight = draw(1, 3, 40, 33), draw(4, 3, 3, 3)
    found = torch.compile(both, backend="aot_eager_decomp_partition")(x, weight)
    expected = both(x, weight)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)
    for one, other in zip(gradients(found, x, weight), gradients(expected, x, weight), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-10)


def test_without_padding_a_kernel_of_one_is_a_product():
    x, weight = draw(1, 3, 4, 5), draw(2, 3, 1, 1)
    expected = torch.einsum("oc,bchw->bohw", weight[..., 0, 0], x)
    torch.testing.assert_close(same_conv(x, weight, None, "reflect"), expected)


def test_the_border_is_continued_when_compiled_as_when_not(monkeypatch):
    x = draw(1, 3, 5, 4)
    wanted = upsampling._continued(x)
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)
    found = upsampling._continued(x)
    assert torch.equal(found, wanted)
    assert torch.equal(wanted, F.pad(x, (1, 1, 1, 1), mode="replicate"))
    for one, other in zip(gradients(found, x), gradients(wanted, x), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-12)
