"""What an iteration of each task costs beside one of super-resolution.

    python -m benchmarks.task_speed [--side N] [--iterations N] [--pairs N] [TASK ...]

The same network (64 channels at each of 5 scales) makes an image of the same size for each task, in
turn with super-resolution, in one process. Prints medians; the table also goes into
docs/benchmarks.md, where tasks not asked for stay. Needs an idle machine.
"""

import argparse
import statistics
import tempfile
import time
from functools import partial
from pathlib import Path

from PIL import Image
from pytorch_lightning import Callback, Trainer

from benchmarks.page import Section, hardware
from benchmarks.speed import test_image
from dip_lightning import compute, tasks
from dip_lightning.building import build_prior
from dip_lightning.cli.composing import Source, to_config
from dip_lightning.cli.run import quiet_lightning
from dip_lightning.loading import load

LEFT_OUT = 3  # iterations
SR = ("task=sr", "factor=4")
BLUR = ("kernel=motion", "length=31", "angle=45")  # 31 x 31 pixels
TASKS: dict[str, tuple[str, ...]] = {
    "denoising": ("task=denoising", "sigma=25"),
    "denoising, photons": ("task=denoising", "noise=poisson", "peak=30"),
    "restoration": ("task=restoration",),
    "inpainting": ("task=inpainting",),
    "demosaicing": ("task=demosaicing",),
    "jpeg": ("task=jpeg",),
    "deblurring": ("task=deblurring", *BLUR),
    "deblurring, no back-projection": ("task=deblurring", *BLUR, "back_projection=0"),
    "blind deblurring": ("task=blind_deblurring", *BLUR, "kernel_size=31", "kernel_start=flat"),
}
NETWORK = ("network=skip_fast", "network.down=[64,64,64,64,64]", "input_depth=32", "guide=null")
# Nothing but iterations: no end before their number, no weights found.
ALIKE = (*NETWORK, "discrepancy=0", "holdout=0", "output=average", "chunk=1", "device=cpu")
COLUMNS = "task | s | super-resolution, s | ratio"
Pairs = list[tuple[float, float]]  # seconds of an iteration: of the task, of super-resolution


class Clock(Callback):
    """When each iteration ended, seconds."""

    def __init__(self) -> None:
        self.ends: list[float] = []

    def on_train_batch_end(self, *_: object) -> None:
        """Look at the clock."""
        self.ends.append(time.perf_counter())


def seconds(keys: tuple[str, ...], image: Path, iterations: int) -> float:
    """Fit as the command's keys say; return the mean seconds of an iteration."""
    given = (*keys, *ALIKE, f"image={image}", f"iterations={iterations}", "logger=none")
    config = to_config(Source().compose(list(given)))
    _, found = load(config)
    clock = Clock()
    trainer = Trainer(
        accelerator="cpu",
        max_epochs=1,
        logger=False,
        callbacks=[clock],
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(build_prior(config, tasks.problem(found, vars(config)), found.z))
    return (clock.ends[-1] - clock.ends[LEFT_OUT - 1]) / (iterations - LEFT_OUT)


def compare(task: str, side: int, iterations: int, pairs: int) -> Pairs:
    """Time a task and super-resolution in turn."""
    with tempfile.TemporaryDirectory() as folder:
        image = Path(folder) / "image.png"
        Image.fromarray(test_image(side)).save(image)
        return [
            (seconds(TASKS[task], image, iterations), seconds(SR, image, iterations))
            for _ in range(pairs)
        ]


def row(task: str, pairs: Pairs) -> str:
    """Write one line of the table."""
    own, beside = (statistics.median(values) for values in zip(*pairs, strict=True))
    ratio = statistics.median(mine / other for mine, other in pairs)
    return f"| {task} | {own:.3f} | {beside:.3f} | **{ratio:.2f}** |"


def text(results: dict[str, Pairs], side: int, iterations: int) -> str:
    """Write the table and what it was measured on."""
    rounds = " or ".join(map(str, sorted({len(pairs) for pairs in results.values()})))
    note = (
        f"{hardware()}; {side} x {side}, medians of {rounds} pairs of {iterations - LEFT_OUT} "
        "iterations."
    )
    rule = "|---" * len(COLUMNS.split("|")) + "|"
    return "\n".join(
        [note, "", f"| {COLUMNS} |", rule, *(row(*found) for found in results.items())]
    )


def main() -> None:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("tasks", nargs="*", metavar="TASK", help=", ".join(TASKS))
    parser.add_argument("--side", type=int, default=256, help="pixels")
    parser.add_argument("--iterations", type=int, default=13)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--dry", action="store_true", help="leave docs/ as it is")
    given = parser.parse_args()
    if wrong := [task for task in given.tasks if task not in TASKS]:
        parser.error(f"{wrong[0]}: choose of {', '.join(TASKS)}")
    if given.iterations <= LEFT_OUT:
        parser.error(f"--iterations {given.iterations}: the first {LEFT_OUT} are left out")
    how = {"side": given.side, "iterations": given.iterations}
    section = Section("task-speed", how, partial(text, **how))
    if not given.dry:
        section.check(given.tasks, parser)
    compute.keep_freed_memory()
    compute.keep_float32()
    quiet_lightning()
    print(f"{hardware()}\n| {COLUMNS} |", flush=True)
    for task in given.tasks or TASKS:
        pairs = compare(task, given.side, given.iterations, given.pairs)
        print(row(task, pairs), flush=True)
        if not given.dry:
            section.add(task, pairs)


if __name__ == "__main__":
    main()
