"""Whole jobs: any file, mask and settings end in a result or a sentence, in the output folder."""

import io
import os
import tempfile
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path

from hydra.core.global_hydra import GlobalHydra
from hypothesis import given
from hypothesis import strategies as st

from dip_lightning.cli import main as command_line
from dip_lightning.cli import run as _  # noqa: F401 - its imports take long, and are no case of their own
from tests.conftest import TINY
from tests.fuzz.conftest import JOBS, cases, limits
from tests.fuzz.files import SEEDS, damaged

QUICK = ("preset=smoke", "iterations=1", "logger=none", "max_side=16", *TINY)
FILES = st.one_of(st.sampled_from(SEEDS), damaged())
TASKS = st.sampled_from(
    [
        *("denoising", "sr", "inpainting", "restoration"),
        *("deblurring", "blind_deblurring", "demosaicing", "jpeg", "operator"),
    ]
)
SETTINGS = st.lists(
    st.sampled_from(
        [
            *("factor=2", "factor=11", "factor=32", "known=0.001", "known=1", "per_channel=true"),
            *("mask=hole", "mask=text", "mask=mask", "mask=nowhere/x", "keep_known=true"),
            *("kernel=mask", "kernel=gaussian", "kernel=disk", "blur_sigma=0.5", "radius=0.2"),
            *(
                "kernel_size=3",
                "kernel_size=5",
                "kernel_size=4",
                "kernel_start=flat",
                "kernel_lr=9",
            ),
            *(
                "pattern=bggr",
                "color_smoothness=1",
                "sigma=0",
                "sigma=255",
                "noise=poisson",
                "peak=0.01",
                "peak=1e9",
                "lr=10",
                "lr=1e-30",
                "noise_std=1e30",
                "input_scale=1e38",
            ),
            *("quality=1", "quality=100", "subsampling=4:2:2", "bounds=false", "centering=0.5"),
            *("input_type=meshgrid", "input_type=image", "input_image=mask", "input_depth=1"),
            *("max_side=8", "average=0", "average=0.99999", "epsilon=1e300", "guard=1", "chunk=7"),
            *("precision=bfloat16", "device=gpu", "diagnose=true", "schedule=warmup_cosine"),
            *("size=16x16", "size=3x8x9", "operator.x=1"),
            *("warmup=0", "output=last", "network=unet", "network=deep_decoder", "network=resnet"),
            *("network.down=[]", "network.up=[4]", "network.skip=[0,0]", "network.kernel_up=99"),
            *("hydra.run.dir=out/../out", "hydra.run.dir='a b'", "seed=2147483647", "threads=1"),
        ]
    ),
    max_size=4,
)


def run(*arguments: str) -> tuple[int, str]:
    said = io.StringIO()
    try:
        with redirect_stdout(said), redirect_stderr(said):
            status = command_line.main(list(arguments))
    finally:
        GlobalHydra.instance().clear()
    return status, said.getvalue()


@given(
    image=FILES, mask=FILES, task=TASKS, key=st.sampled_from(["image", "observed"]), more=SETTINGS
)
@cases(8, JOBS)
def test_any_job(monkeypatch, image, mask, task, key, more):
    with tempfile.TemporaryDirectory() as name, chdir(name):
        folder = Path(name)
        (folder / "photo").write_bytes(image)
        (folder / "mask").write_bytes(mask)
        monkeypatch.setenv("DIP_DATA", name)  # nothing is fetched
        with limits(folder):
            own = ("operator=torch.nn:Identity",) if task == "operator" else ()
            status, said = run(f"{key}=photo", f"task={task}", *own, *QUICK, *more)
        assert "Traceback" not in said, said
        assert "Warning" not in said, said
        assert status in {0, 1, 2}
        assert (status == 0) == bool(list(folder.rglob("restored.png"))), said
        assert (status == 0) == ("error: " not in said), said
        assert (folder / "photo").read_bytes() == image
        outside = {entry.name for entry in os.scandir(name)}
        assert outside <= {"photo", "mask", "outputs", "out", "a b"}
