"""The kernel that puts a joining convolution's weights into the order of `Joined`'s channels."""

import triton
import triton.language as tl


@triton.jit(do_not_specialize=["count", "own", "inputs", "columns"])
def arrange(
    weight, arranged, count, own, inputs, columns, BACK: tl.constexpr, BLOCK: tl.constexpr
):  # fmt: skip
    """Copy (N, inputs), s's `own` channels first, to (N, columns), a's first; or back.

    Of columns that no channel has, the copy is 0.
    """
    n = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    row, c = n // columns, n % columns
    deep = inputs - own
    place = weight + row * inputs + tl.where(c < deep, c + own, c - deep)
    exists = n < count
    is_channel = exists & (c < inputs)
    if BACK:
        tl.store(place, tl.load(arranged + n, mask=is_channel, other=0.0), mask=is_channel)
    else:
        tl.store(arranged + n, tl.load(place, mask=is_channel, other=0.0), mask=exists)
