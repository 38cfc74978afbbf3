"""The suite's loop: the command as a user runs it, watched from outside.

    python -m benchmarks.suite KEY=VALUE ...

prints JSON at last: the share of the time that is spent outside of the iterations, in Lightning
and callbacks.
"""

import json
import sys
import time

# First of all: what it sets for OpenMP is read as PyTorch is loaded.
from dip_lightning.cli.main import main


def outside(arguments: list[str]) -> float:
    """Run the command; return the share of the time outside of the iterations.

    A chunk of iterations ends as its measurements are read, so a GPU has done its work by then.
    The first chunk is left out.
    """
    from dip_lightning.prior.deep_image_prior import DeepImagePrior

    step, spans = DeepImagePrior.training_step, []

    def watched(task: DeepImagePrior, iterations: int) -> None:
        start = time.perf_counter()
        step(task, iterations)
        spans.append((start, time.perf_counter()))

    DeepImagePrior.training_step = watched
    try:
        status = main(arguments)
    finally:
        DeepImagePrior.training_step = step
    if status:
        raise SystemExit(status)
    inside = sum(end - start for start, end in spans[1:])
    return 1 - inside / (spans[-1][1] - spans[0][1])


def measured(arguments: list[str]) -> dict:
    """Run the command, see above."""
    return {"outside": outside(arguments)}


if __name__ == "__main__":
    share = measured(sys.argv[1:])
    print("\n" + json.dumps(share))
