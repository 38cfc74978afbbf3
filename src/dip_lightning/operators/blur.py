"""Blur by a kernel."""

import torch
from scipy.fft import next_fast_len
from torch import Tensor, nn

from dip_lightning.errors import UserError


class Blur(nn.Module):
    """Convolve an image with a kernel, and keep the pixels that need none from beyond its border.

    y[i] = sum_j k[j] x[i + size - 1 - j], along both axes: a true convolution, which flips the
    kernel. All channels share one kernel. It is computed by FFT, in float32 at least.

    Args:
        kernel: k, (kh, kw).

    Example:
        >>> import torch
        >>> from dip_lightning.operators import Blur, gaussian_kernel
        >>> Blur(gaussian_kernel(1.5))(torch.rand(1, 3, 20, 24)).shape
        torch.Size([1, 3, 10, 14])
    """

    kernel: Tensor

    def __init__(self, kernel: Tensor) -> None:
        super().__init__()
        self.register_buffer("kernel", kernel)

    def forward(self, x: Tensor) -> Tensor:
        """Blur x.

        Args:
            x: image, (B, C, H, W), any range.

        Returns:
            y, (B, C, H - kh + 1, W - kw + 1), same range where k is positive and sums to 1.

        Raises:
            UserError: x is smaller than the kernel.
        """
        return blurred(x, self.kernel)


def blurred(x: Tensor, kernel: Tensor) -> Tensor:
    """Blur an image by a kernel; see `Blur`.

    Args:
        x: image, (B, C, H, W), any range.
        kernel: k, (kh, kw).

    Raises:
        UserError: x is smaller than the kernel.

    Example:
        >>> import torch
        >>> from dip_lightning.operators import blurred
        >>> blurred(torch.ones(1, 1, 3, 4), torch.ones(2, 3) / 6).shape
        torch.Size([1, 1, 2, 2])
    """
    (high, wide), (height, width) = kernel.shape, x.shape[-2:]
    if high > height or wide > width:
        raise UserError(
            f"x: is {width} x {height} pixels, expected at least {wide} x {high}, the size of "
            "the kernel"
        )
    precise = torch.promote_types(x.dtype, torch.float32)
    # What wraps around falls on the rows and columns that are cut off.
    size = [next_fast_len(side, real=True) for side in x.shape[-2:]]
    spectra = (torch.fft.rfft2(image.to(precise), size) for image in (x, kernel))
    y: Tensor = torch.fft.irfft2(torch.mul(*spectra), size)
    rows, columns = (
        slice(taps - 1, side) for taps, side in zip(kernel.shape, x.shape[-2:], strict=True)
    )
    return y[..., rows, columns].to(x.dtype)
