"""Other systems, simulated: what Windows and macOS lack is taken away, then everything imported."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src"
SIMULATED = """
import importlib, os, pkgutil, signal, socket, sys, time
platform = sys.argv[1]

def load():
    import dip_lightning
    found = pkgutil.walk_packages(dip_lightning.__path__, "dip_lightning.")
    names = [module.name for module in found]
    names = [name for name in names if ".kernels" not in name and name not in LEFT_OUT]
    return [importlib.import_module(name) for name in names]

LEFT_OUT = set()  # needs an extra that is not installed
for name in ("dashboard.workspace", "generators.fused.functions", "generators.fused.launching",
             "generators.fused.network"):
    try:
        importlib.import_module(f"dip_lightning.{name}")
    except ImportError:
        LEFT_OUT.add(f"dip_lightning.{name}")
load()  # other libraries, as on this system
for name in [name for name in sys.modules if name.startswith("dip_lightning")]:
    del sys.modules[name]
ABSENT = {
    "win32": (["fcntl", "resource", "pwd", "grp", "termios"], [
        (os, "sched_getaffinity"), (os, "killpg"), (os, "confstr"), (os, "getuid"),
        (signal, "SIGHUP"), (signal, "SIGKILL"), (signal, "SIGUSR1"), (signal, "pthread_sigmask"),
        (signal, "sigtimedwait"), (socket, "AF_UNIX"), (time, "tzset"),
    ]),
    "darwin": ([], [(os, "sched_getaffinity"), (signal, "sigtimedwait")]),
}
modules, attributes = ABSENT[platform]
for name in modules:
    sys.modules[name] = None
for owner, name in attributes:
    delattr(owner, name)
sys.platform = platform
assert len(load()) > 60

import torch
from dip_lightning import compute, signals
from dip_lightning.cli import resolvers
from dip_lightning.compute import memory
from dip_lightning.cli.sweeps import workers
assert not compute.keep_freed_memory()
assert resolvers.cores() >= 1
assert (memory.peak_bytes(torch.device("cpu")) is None) == (platform == "win32")
with signals.Signals() as caught, workers._blocked() as heard:
    assert heard == set()
    signal.raise_signal(signal.SIGINT)
assert caught.received == signal.SIGINT
"""


@pytest.mark.slow
@pytest.mark.parametrize("platform", ["win32", "darwin"])
def test_every_module_is_imported(platform):
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    done = subprocess.run(
        [sys.executable, "-c", SIMULATED, platform],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
