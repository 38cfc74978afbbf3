"""The generator's fixed input z, and its perturbation at each iteration."""

import torch
from torch import Tensor

from dip_lightning.errors import UserError


def meshgrid(height: int, width: int) -> Tensor:
    """Give each pixel its own position.

    Returns:
        z, (1, 2, H, W): column and row, each from 0 to 1.

    Example:
        >>> from dip_lightning.generators.inputs import meshgrid
        >>> meshgrid(2, 3)[0, 0]  # the column of each pixel
        tensor([[0.0000, 0.5000, 1.0000],
                [0.0000, 0.5000, 1.0000]])
    """
    rows = torch.linspace(0, 1, height).view(1, 1, height, 1).expand(1, 1, height, width)
    columns = torch.linspace(0, 1, width).view(1, 1, 1, width).expand(1, 1, height, width)
    return torch.cat([columns, rows], dim=1)


def draw_input(
    input_type: str,
    shape: tuple[int, int, int],
    *,
    scale: float,
    image: Tensor | None,
    generator: torch.Generator,
) -> Tensor:
    """Draw z once.

    uniform: z ~ scale U(0, 1); normal: z ~ scale N(0, 1); meshgrid and image: as they are.

    Args:
        input_type: "uniform", "normal", "meshgrid" or "image".
        shape: (C, H, W) of z; H, W are those of x_hat.
        scale: factor of the random inputs, 0.1 in the paper.
        image: the image for input_type "image", (1, C, H, W).
        generator: source of randomness, on the CPU.

    Returns:
        z, (1, C, H, W), float32; uniform: in [0, scale), meshgrid and image: in [0, 1].

    Raises:
        UserError: the input has the wrong number of channels or the wrong size.

    Example:
        >>> import torch
        >>> from dip_lightning.generators.inputs import draw_input
        >>> draw = torch.Generator().manual_seed(0)
        >>> z = draw_input("uniform", (32, 20, 24), scale=0.1, image=None, generator=draw)
        >>> z.shape
        torch.Size([1, 32, 20, 24])
    """
    if input_type == "uniform":
        return scale * torch.rand(1, *shape, generator=generator)
    if input_type == "normal":
        return scale * torch.randn(1, *shape, generator=generator)
    z = meshgrid(*shape[1:]) if input_type == "meshgrid" else image
    if z is None:
        raise UserError("input_type=image: needs the image, DeepImagePrior(image=)")
    check_input(z, input_type, shape)
    return z


def check_input(z: Tensor, input_type: str, shape: tuple[int, int, int]) -> None:
    """Refuse a z that was not drawn, unless it has the shape that is needed.

    Args:
        z: what `input_type` gives, (1, C, H, W).
        input_type: "meshgrid" or "image".
        shape: (C, H, W) that is needed.

    Raises:
        UserError: it has a different number of channels or a different size.
    """
    channels, height, width = shape
    if tuple(z.shape[-2:]) != (height, width):
        raise UserError(
            f"input_image: is {z.shape[-1]} x {z.shape[-2]} pixels, expected {width} x {height}"
        )
    if z.shape[1] != channels:
        raise UserError(
            f"input_depth={channels}: input_type={input_type} has {z.shape[1]} channels, "
            f"so input_depth={z.shape[1]} is needed"
        )


def perturb(z: Tensor, noise_std: float, generator: torch.Generator) -> Tensor:
    """Add fresh noise to the input: z + noise_std N(0, 1).

    Args:
        z: fixed input, (1, C, H, W).
        noise_std: sigma_p of the paper; 0 draws nothing.
        generator: source of randomness, on z's device.

    Returns:
        Same shape; z itself where noise_std is 0.

    Example:
        >>> import torch
        >>> from dip_lightning.generators.inputs import perturb
        >>> z, draw = torch.zeros(1, 32, 20, 24), torch.Generator().manual_seed(0)
        >>> round(float(perturb(z, 0.03, draw).std()), 3)
        0.03
    """
    if noise_std == 0:
        return z
    # Drawn with the channels last, as z lies in memory: PyTorch fills only contiguous tensors fast.
    batch, channels, height, width = z.shape
    noise = torch.empty(batch, height, width, channels, dtype=z.dtype, device=z.device)
    noise.normal_(0, noise_std, generator=generator)
    return noise.permute(0, 3, 1, 2).add_(z)
