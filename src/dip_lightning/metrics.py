"""PSNR and SSIM, each with its protocol in the name."""

import math
from dataclasses import dataclass
from itertools import product

import torch
from torch import Tensor

GRAY, RGB = 1, 3
SSIM_WINDOW = 11
SSIM_STRIP = 1 << 18  # pixels that are looked at together
STUDIO_RANGE_Y = (65.481, 128.553, 24.966)  # BT.601, R, G, B in [0, 1] to Y in 16 ... 235
Y_MULTIPLE, Y_BORDER = 32, 4  # pixels
SHIFT, SHIFT_BORDER = 5, 15  # pixels
QUARTERS = 4


@dataclass(frozen=True)
class Scores:
    """Quality of one image against the ground truth; None where a metric is not defined.

    Attributes:
        psnr: all channels, whole frame, dB.
        psnr_crop: all channels, frame of `psnr_y`, border of `factor` pixels, dB.
        psnr_y: see `psnr_y`, border of 4 pixels, dB.
        psnr_y_factor: the same with a border of `factor` pixels, dB.
        psnr_holes: all channels, missing pixels only, dB.
        psnr_known: all channels, known pixels only, dB.
        ssim: see `ssim`, 1 for equal images.

    Example:
        >>> from dip_lightning.metrics import Scores
        >>> Scores(psnr=30.0).ssim is None
        True
    """

    psnr: float | None = None
    psnr_crop: float | None = None
    psnr_y: float | None = None
    psnr_y_factor: float | None = None
    psnr_holes: float | None = None
    psnr_known: float | None = None
    ssim: float | None = None


def decibels(error: float | None) -> float | None:
    """PSNR of a mean squared error, images in [0, 1]: -10 log10(error); None stays None.

    Example:
        >>> from dip_lightning.metrics import decibels
        >>> decibels(0.01)
        20.0
    """
    if error is None or math.isnan(error):
        return None
    return math.inf if error == 0 else -10 * math.log10(error)


def psnr(estimate: Tensor, x: Tensor) -> float:
    """Peak signal-to-noise ratio over all channels and the whole frame: -10 log10(MSE), dB.

    Args:
        estimate: image, (1, C, H, W), in [0, 1]; or complex values.
        x: ground truth, same shape and range.

    Returns:
        Decibels; infinite for equal images.

    Raises:
        ValueError: the shapes differ.

    Example:
        >>> import torch
        >>> from dip_lightning.metrics import psnr
        >>> x = torch.full((1, 3, 40, 48), 0.5)
        >>> round(psnr(x + 0.1, x), 3)
        20.0
    """
    _check_alike(estimate, x)
    if estimate.is_complex() or x.is_complex():
        estimate = (estimate - x).abs()
        x = torch.zeros_like(estimate)
    # torchmetrics takes seconds to import and is only needed when a fit ends.
    from torchmetrics.functional.image import peak_signal_noise_ratio  # noqa: PLC0415

    return float(peak_signal_noise_ratio(estimate.double(), x.double(), data_range=1.0))


def luma(image: Tensor) -> Tensor:
    """Studio-range luma: Y = (16 + 65.481 R + 128.553 G + 24.966 B) / 255 (ITU-R BT.601).

    Args:
        image: gray or RGB, (1, 1 or 3, H, W), in [0, 1].

    Returns:
        Y, (1, 1, H, W), in [16/255, 235/255].

    Example:
        >>> import torch
        >>> from dip_lightning.metrics import luma
        >>> luma(torch.ones(1, 3, 1, 1)) * 255
        tensor([[[[235.]]]])
    """
    weights = image.new_tensor(STUDIO_RANGE_Y).view(1, RGB, 1, 1)
    return (16 + (image.expand(-1, RGB, -1, -1) * weights).sum(1, keepdim=True)) / 255


def shifted_errors(estimate: Tensor, x: Tensor, reach: int) -> Tensor:
    """Mean squared errors of an image that may be shifted relative to the ground truth.

    Entry [a, b] is that of estimate[i + a - reach, j + b - reach] - x[i, j] over the pixels (i, j)
    of x that are `reach` pixels or more from its border, all channels. By FFT: its rounding is
    about 1e-7 of the variance of x.

    Args:
        estimate: image, (1, C, H, W).
        x: ground truth, same shape.
        reach: greatest shift, pixels, less than half of either side.

    Returns:
        (2 reach + 1, 2 reach + 1).

    Example:
        >>> import torch
        >>> from dip_lightning.metrics import shifted_errors
        >>> x = torch.rand(1, 3, 20, 24)
        >>> errors = shifted_errors(x.roll((1, -2), (2, 3)), x, reach=2)
        >>> divmod(int(errors.argmin()), 5)  # one down, two to the left
        (3, 0)
    """
    height, width = x.shape[2:]
    inner = x[..., reach : height - reach, reach : width - reach].float()
    mean = inner.mean((2, 3), keepdim=True)  # what is small loses little in its products
    inner, moved = inner - mean, estimate.float() - mean
    size = [height, width]
    spectrum = torch.fft.rfft2(moved, size) * torch.fft.rfft2(inner, size).conj()
    window = torch.fft.rfft2(torch.ones_like(inner[:, :1]), size).conj()
    power = torch.fft.rfft2(moved.square().sum(1, keepdim=True), size) * window
    differences = power.sum(1) - 2 * spectrum.sum(1)
    sides = 2 * reach + 1
    sums = torch.fft.irfft2(differences, size)[0, :sides, :sides] + inner.square().sum()
    errors: Tensor = (sums / inner.numel()).clamp(min=0)
    return errors


def kernel_similarity(kernel: Tensor, truth: Tensor) -> float:
    """Say how similar two blur kernels are, wherever they lie: sum(k t) / (|k| |t|), best shift.

    Args:
        kernel: k, (kh, kw).
        truth: t, (th, tw).

    Returns:
        1 for equal kernels.

    Source: Hu & Yang, "Good regions to deblur", 2012.

    Example:
        >>> import torch
        >>> from dip_lightning.metrics import kernel_similarity
        >>> bar = torch.tensor([[0.0, 0.5, 0.5]])
        >>> round(kernel_similarity(bar, bar.roll(-1, 1)), 4)
        1.0
    """
    size = [one + two - 1 for one, two in zip(kernel.shape, truth.shape, strict=True)]
    spectra = [torch.fft.rfft2(k.detach().cpu().double(), size) for k in (kernel, truth)]
    products = torch.fft.irfft2(spectra[0] * spectra[1].conj(), size)
    return float(products.max() / (kernel.double().norm() * truth.double().norm()).cpu())


def psnr_where(estimate: Tensor, x: Tensor, m: Tensor) -> float | None:
    """PSNR over some of the pixels: -10 log10(sum(m (estimate - x)^2) / sum(m)), dB.

    Args:
        estimate: image, (1, C, H, W), in [0, 1]; or complex values.
        x: ground truth, same shape and range.
        m: pixels that count, (1, 1 or C, H, W), 0 or 1.

    Returns:
        Decibels; None where no pixel counts.

    Raises:
        ValueError: the shapes differ.

    Example:
        >>> import torch
        >>> from dip_lightning.metrics import psnr_where
        >>> x = torch.full((1, 3, 40, 48), 0.5)
        >>> round(psnr_where(x + 0.1, x, torch.ones(1, 1, 40, 48)), 3)
        20.0
    """
    _check_alike(estimate, x)
    chosen = m.expand_as(x) > 0
    if not chosen.any():
        return None
    return psnr(estimate[chosen], x[chosen])


def _check_alike(estimate: Tensor, x: Tensor) -> None:
    if estimate.shape != x.shape:
        raise ValueError(f"estimate: is {tuple(estimate.shape)}, expected x's {tuple(x.shape)}")


def psnr_y(estimate: Tensor, x: Tensor, border: int = Y_BORDER) -> float | None:
    """PSNR as super-resolution papers measure it: luma, cropped, without its border, dB.

    Both images are rounded to 8 bits, cut to their centre whose sides are multiples of 32 pixels,
    and lose a border.

    Args:
        estimate: gray or RGB, (1, 1 or 3, H, W), in [0, 1].
        x: ground truth, same shape and range.
        border: its width, pixels: 4 in the paper, the factor of enlargement in others.

    Returns:
        Decibels; None for other numbers of channels and where nothing is left of the image.

    Raises:
        ValueError: the shapes differ.

    Source: Ulyanov et al., "Deep Image Prior", 2018, section 3 (super-resolution).

    Example:
        >>> import torch
        >>> from dip_lightning.metrics import psnr_y
        >>> x = torch.full((1, 3, 40, 48), 0.5)
        >>> round(psnr_y(x + 0.1, x), 1)  # luma has 219 of 255 grey levels
        21.5
    """
    _check_alike(estimate, x)
    inner = [_inner(image, border) for image in (estimate, x)]
    if x.shape[1] not in {GRAY, RGB} or not inner[1].numel():
        return None
    return psnr(*(luma((image.double() * 255).round() / 255) for image in inner))


def psnr_crop(estimate: Tensor, x: Tensor, border: int) -> float | None:
    """PSNR over all channels of the frame that `psnr_y` uses, dB.

    Args:
        estimate: image, (1, C, H, W), in [0, 1]; rounded to 8 bits.
        x: ground truth, same shape and range; rounded, too.
        border: its width, pixels.

    Returns:
        Decibels; None where nothing is left of the image.

    Raises:
        ValueError: the shapes differ.

    Example:
        >>> import torch
        >>> from dip_lightning.metrics import psnr_crop
        >>> x = torch.full((1, 3, 40, 48), 0.5)
        >>> round(psnr_crop(x + 0.1, x, border=4), 1)  # of 128 and 153 in 8 bits
        20.2
    """
    _check_alike(estimate, x)
    inner = [_inner(image, border) for image in (estimate, x)]
    if not inner[1].numel():
        return None
    return psnr(*((image.double() * 255).round() / 255 for image in inner))


def _inner(image: Tensor, border: int) -> Tensor:
    height, width = (size // Y_MULTIPLE * Y_MULTIPLE for size in image.shape[-2:])
    top, left = (image.shape[-2] - height) // 2 + border, (image.shape[-1] - width) // 2 + border
    below, right = max(0, height - 2 * border), max(0, width - 2 * border)
    return image[..., top : top + below, left : left + right]


def psnr_shifted(estimate: Tensor, x: Tensor) -> float | None:
    """PSNR as papers on deblurring measure it: at the best shift, dB.

    A blur's kernel is known only up to a shift, and truth and photo hardly ever have the same
    frame. So the estimate is shifted by up to 5 pixels along each axis, in steps of a quarter, with
    linear interpolation. A border of 15 pixels does not count. The best shift in whole pixels is
    found first, then shifts less than two pixels from it are tried.

    Args:
        estimate: image, (1, C, H, W), in [0, 1].
        x: ground truth, same shape and range.

    Returns:
        Decibels; None where nothing is left of the image.

    Raises:
        ValueError: the shapes differ.

    Source: Levin et al., "Understanding and evaluating blind deconvolution algorithms", 2009.

    Example:
        >>> import torch
        >>> from dip_lightning.metrics import psnr_shifted
        >>> x = torch.rand(1, 3, 40, 48)
        >>> psnr_shifted(x.roll((2, -3), (2, 3)), x)
        inf
    """
    _check_alike(estimate, x)
    if min(x.shape[-2:]) <= 2 * SHIFT_BORDER:
        return None
    estimate, x = estimate.double(), x.double()
    inner = _shifted(x, 0, 0)

    def error(down: float, right: float) -> float:
        return float((_shifted(estimate, down, right) - inner).square().mean())

    whole = product(range(-SHIFT, SHIFT + 1), repeat=2)
    down, right = min(whole, key=lambda shift: error(*shift))
    steps = [step / QUARTERS for step in range(1 - 2 * QUARTERS, 2 * QUARTERS)]
    near = product(*([s + by for by in steps if abs(s + by) <= SHIFT] for s in (down, right)))
    return decibels(min(error(*shift) for shift in near))


def _shifted(image: Tensor, down: float, right: float) -> Tensor:
    """Shift an image, and cut off the border of `psnr_shifted`."""
    for axis, shift in ((-2, down), (-1, right)):
        start = math.floor(SHIFT_BORDER - shift)
        share, length = SHIFT_BORDER - shift - start, image.shape[axis] - 2 * SHIFT_BORDER
        nearer = image.narrow(axis, start, length)
        image = nearer.lerp(image.narrow(axis, start + 1, length), share) if share else nearer
    return image


def ssim(estimate: Tensor, x: Tensor) -> float | None:
    """Mean structural similarity: Gaussian window of 11 pixels, sigma 1.5, valid region only.

    Args:
        estimate: image, (1, C, H, W), in [0, 1].
        x: ground truth, same shape and range.

    Returns:
        1 for equal images; None where a side is shorter than the window.

    Raises:
        ValueError: the shapes differ.

    Source: Wang et al., "Image quality assessment", 2004.

    Example:
        >>> import torch
        >>> from dip_lightning.metrics import ssim
        >>> x = torch.rand(1, 3, 20, 24)
        >>> round(ssim(x, x), 6)
        1.0
    """
    _check_alike(estimate, x)
    if min(x.shape[-2:]) < SSIM_WINDOW:
        return None
    from kornia.metrics import ssim as ssim_map  # noqa: PLC0415 - slow to import

    total, count, height = 0.0, 0, x.shape[-2]
    # In strips: a convolution in double precision needs a kilobyte for each pixel.
    rows = max(1, SSIM_STRIP // x.shape[-1])
    for top in range(0, height - SSIM_WINDOW + 1, rows):
        strip = slice(top, top + rows + SSIM_WINDOW - 1)
        one, two = estimate[..., strip, :].double(), x[..., strip, :].double()
        values = ssim_map(one, two, SSIM_WINDOW, max_val=1.0, padding="valid")
        total, count = total + float(values.sum()), count + values.numel()
    return total / count


def score(
    estimate: Tensor, x: Tensor, factor: int | None = None, m: Tensor | None = None
) -> Scores:
    """Measure an image with every protocol that applies; see `Scores`.

    Args:
        estimate: image, (1, C, H, W), in [0, 1].
        x: ground truth, same shape and range.
        factor: of enlargement, if there was one.
        m: known pixels, (1, 1 or C, H, W), 0 or 1, if some were missing.

    Example:
        >>> import torch
        >>> from dip_lightning.metrics import score
        >>> x = torch.full((1, 3, 40, 48), 0.5)
        >>> round(score(x + 0.1, x).psnr, 3)
        20.0
    """
    with torch.no_grad():
        estimate, x = estimate.cpu(), x.cpu()
        known = None if m is None else m.cpu()
        return Scores(
            psnr(estimate, x),
            None if factor is None else psnr_crop(estimate, x, factor),
            psnr_y(estimate, x),
            None if factor is None else psnr_y(estimate, x, factor),
            None if known is None else psnr_where(estimate, x, 1 - known),
            None if known is None else psnr_where(estimate, x, known),
            ssim(estimate, x),
        )
