"""Networks computed by kernels of our own on a CUDA device: fewer passes over its memory."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from dip_lightning.errors import first_line
from dip_lightning.generators.skip import Skip

ACTIVATIONS = ("leaky_relu", "relu", "identity")
MOST_OUTPUTS = 4  # channels of an image
MOST_VALUES = 2**31  # of a tensor, as kernels count in 32 bits


class NotFusedError(Exception):
    """Why a network is computed as it is written."""


def fused(generator: nn.Module, like: Tensor) -> Callable[[Tensor], Tensor]:
    """Return what computes the same as a generator does, its kernels compiled.

    Args:
        generator: its parameters are used; weights with the channels last.
        like: a z, (1, C, H, W), to try them on.

    Raises:
        NotFusedError: there are no kernels for this network, or they cannot be compiled here.
    """
    if not isinstance(generator, Skip):
        raise NotFusedError("only generator=skip has any")
    options, outputs = generator.options, generator.last.out_channels
    if options.downsampling != "stride" or options.identity_skip or options.kernel_skip != 1:
        raise NotFusedError("they need downsampling=stride, kernel_skip=1, identity_skip=false")
    if options.activation not in ACTIVATIONS:
        raise NotFusedError(f"there is none for activation={options.activation}")
    if outputs > MOST_OUTPUTS:
        raise NotFusedError(f"they write up to {MOST_OUTPUTS} channels, not {outputs}")
    try:
        return _tried(generator, like)
    except (NotFusedError, torch.cuda.OutOfMemoryError):
        raise
    except Exception as error:  # whatever it is that a compiler misses, the fit can do without
        raise NotFusedError(first_line(error)) from error


def _tried(generator: Skip, like: Tensor) -> Callable[[Tensor], Tensor]:
    from dip_lightning.generators.fused.network import Fused  # noqa: PLC0415 - needs Triton

    network = Fused(generator, like.dtype)
    if network.most_values(like) >= MOST_VALUES:
        raise NotFusedError("they count to 2^31, and a layer of this image has more values")
    with torch.enable_grad():
        theta = [p for p in generator.parameters() if p.requires_grad]
        torch.autograd.grad(network(like).sum(), theta, allow_unused=True)
    if like.is_cuda:
        torch.cuda.empty_cache()  # what is cached for this stream, that of the fit cannot use
    return network.__call__
