"""Time the iterations of a few fits: `python -m benchmarks.study_gpu.timing LOCK < jobs.json`.

Reads a list of [kind, command] and prints a line of JSON for each, [kind, seconds of an iteration].
The first iterations, in which kernels are compiled and a graph is recorded, are left out. Several
such processes compile side by side, but the iterations that count are one process's at a time.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

from filelock import FileLock
from pytorch_lightning import Callback, Trainer

from benchmarks.quality_fit import prepare
from dip_lightning import compute, tasks
from dip_lightning.building import build_prior
from dip_lightning.cli.composing import Source, to_config
from dip_lightning.loading import load

FIRST, COUNTED = 5, 20  # iterations


class Clock(Callback):
    """Measure the iterations after the first ones, undisturbed by other clocks.

    Args:
        lock: that only one of them holds.

    Attributes:
        seconds: of the iterations that count.
    """

    def __init__(self, lock: FileLock) -> None:
        self.lock, self.seconds, self._began = lock, 0.0, 0.0

    def on_train_batch_start(self, _: Trainer, prior: Any, *__: object) -> None:
        """Start."""
        if prior.iteration >= FIRST:
            self.lock.acquire()
            self._began = time.perf_counter()

    def on_train_batch_end(self, *_: object) -> None:
        """Stop; what the device had to do is done, as the measurements have been read."""
        if self._began:
            self.seconds += time.perf_counter() - self._began
            self._began = 0.0
            self.lock.release()


def seconds_of(command: list[str], lock: FileLock) -> float:
    """Return how long an iteration of a fit takes.

    Args:
        command: key=value.
        lock: of the clock.
    """
    limits = [f"max_iterations={FIRST + COUNTED}", f"chunk={FIRST}", "logger=none"]
    told = [text for text in command if not text.startswith(("max_iterations=", "chunk="))]
    config = to_config(Source().compose([*told, *limits]))
    prepare(config)
    device = compute.find_device(config.device)
    problem = tasks.problem(load(config)[1], vars(config))
    prior, clock = build_prior(config, problem, None), Clock(lock)
    trainer = Trainer(
        accelerator="gpu" if device.type == "cuda" else device.type,
        devices=1,
        max_epochs=1,
        logger=False,
        callbacks=[clock],
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(prior)
    prior.release()
    return clock.seconds / COUNTED


def main() -> None:
    """Time what standard input asks for."""
    lock = FileLock(Path(sys.argv[1]))
    for kind, command in json.load(sys.stdin):
        print(json.dumps([kind, seconds_of(command, lock)]), flush=True)


if __name__ == "__main__":
    main()
