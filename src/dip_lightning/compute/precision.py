"""The number format of a fit, and how its activations lie in memory."""

import torch


def has_fast_bfloat16(device: torch.device) -> bool:
    """Say whether convolutions in bfloat16 are faster than in float32 on this device."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type == "cpu":
        # oneDNN's own answer: it is false where bfloat16 would be emulated.
        return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())  # noqa: SLF001 - the only way to ask
    return False


def keep_float32() -> None:
    """Disable TF32: cuDNN would round float32 to 10 bits in convolutions."""
    torch.backends.cudnn.allow_tf32 = False


def compute_dtype(precision: str, device: torch.device) -> torch.dtype:
    """Choose the number format of the generator's inner layers.

    Args:
        precision: "float32", "bfloat16", or "auto": bfloat16 where it is fast.
        device: where the fit runs.

    Returns:
        torch.float32 or torch.bfloat16. Weights, last layer, sigmoid and loss stay float32.
    """
    fast = precision == "bfloat16" or (precision == "auto" and has_fast_bfloat16(device))
    return torch.bfloat16 if fast else torch.float32


def memory_format(dtype: torch.dtype, device: torch.device) -> torch.memory_format:
    """Choose how the generator's activations lie in memory.

    Channels last is faster, but for float32 on a CPU without AVX-512: there oneDNN's gradients of
    weights are three times as slow as with the channels first. On Apple's GPU, PyTorch's
    gradients are thirty times as slow, and some operators on slices of channels are wrong.
    """
    if device.type == "mps":
        return torch.contiguous_format
    simple = "AVX512" not in torch.backends.cpu.get_cpu_capability()
    if device.type == "cpu" and dtype == torch.float32 and simple:
        return torch.contiguous_format
    return torch.channels_last
