"""What is wrong with a fit that ran: a short word for metrics.json, a sentence for the user."""

import math

from torch import Tensor

GREY_LEVEL = 1 / 255
GROWN = 10  # a loss so many times its smallest value, and above its first, has exploded


def of_given(image: Tensor, m: Tensor | None) -> str | None:
    """Look for what makes a fit pointless before it begins.

    Args:
        image: ground truth, or observation where there is none, (1, C, H, W), in [0, 1].
        m: known pixels, (1, 1 or C, H, W), 0 or 1; None where the task has no mask.

    Returns:
        "constant_image": all (known) pixels are the same; "nothing_missing": the mask keeps all
        pixels; None.
    """
    known = (m if m is not None else image.new_ones(1, 1, 1, 1)).expand_as(image) > 0
    channels = [image[:, c][known[:, c]] for c in range(image.shape[1])]
    if all(float(c.max() - c.min()) < GREY_LEVEL / 2 for c in channels if c.numel()):
        return "constant_image"
    return "nothing_missing" if m is not None and bool((m == 1).all()) else None


def of_losses(first: float, best: float, last: float) -> str | None:
    """Look at the course of the loss.

    Args:
        first: loss of the first iteration.
        best: smallest loss.
        last: loss of the last iteration.

    Returns:
        "not_finite"; "exploded": it ended higher than it began, far above its best; None.
    """
    if not math.isfinite(last):
        return "not_finite"
    return "exploded" if last > first and last > GROWN * best else None


def of_output(x_hat: Tensor) -> str | None:
    """Look for an output that shows nothing.

    Args:
        x_hat: restored image, (1, C, H, W), in [0, 1].

    Returns:
        "black", "white", "constant" (each channel varies by less than a grey level), or None.
    """
    channels = x_hat.float().flatten(2)
    if x_hat[0, 0].numel() == 1 or bool((channels.std(2) >= GREY_LEVEL).any()):
        return None
    mean = float(channels.mean())
    if mean < GREY_LEVEL:
        return "black"
    return "white" if mean > 1 - GREY_LEVEL else "constant"


def explain(diagnosis: str, lr: float) -> str:
    """Say what a word means and what may help.

    Args:
        diagnosis: what one of the functions above has returned, "not_finite" excepted: the job says
            itself at which iteration.
        lr: learning rate of the fit.
    """
    smaller = "a smaller lr, or guard=1.2, may help"
    return {
        "constant_image": "image: all of its pixels are the same, so there is nothing to restore",
        "no_blur": "no blur found: the kernel has ended as a single point, and the result is the "
        "image as it was; if it is blurred, another kernel_size may help",
        "kernel_cut": "the kernel that was found goes on to its edge, so the blur may be larger; "
        "try about twice the kernel_size",
        "nothing_missing": "mask: no pixel is missing, so there is nothing to fill in",
        "exploded": f"lr={lr}: the loss ended higher than it began, far above its best; {smaller}",
        "black": f"lr={lr}: the restored image is all black; {smaller}",
        "white": f"lr={lr}: the restored image is all white; {smaller}",
        "constant": f"lr={lr}: the restored image has one colour only; {smaller}",
    }[diagnosis]
