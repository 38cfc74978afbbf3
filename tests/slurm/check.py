"""A sweep of six jobs on real SLURM: one is preempted and queued again, one fails.

    python tests/slurm/check.py

Uses the cluster at hand where `sinfo` finds one. Else starts one on this machine, for which it must
be root; on Debian it installs the packages, elsewhere it says which are missing.
"""

import csv
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from skimage.data import chelsea

PROGRAMS = ("slurmctld", "slurmd", "munged", "srun", "sbatch", "squeue", "scancel")
PACKAGES = ("slurmctld", "slurmd", "slurm-client", "munge")
MUNGE = [Path("/run/munge"), Path("/var/log/munge"), Path("/var/lib/munge")]
PATIENCE = 900  # seconds; SLURM itself waits two minutes before it runs a job again
CONFIG = """\
ClusterName=check
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
AuthType=auth/munge
StateSaveLocation={state}/state
SlurmdSpoolDir={state}/spool
SlurmctldPidFile={state}/slurmctld.pid
SlurmdPidFile={state}/slurmd.pid
SlurmctldLogFile={state}/slurmctld.log
SlurmdLogFile={state}/slurmd.log
ProctrackType=proctrack/pgid
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
ReturnToService=2
NodeName={host} NodeAddr=127.0.0.1 CPUs=2 RealMemory=2000
PartitionName=debug Nodes={host} Default=YES MaxTime=60 State=UP
"""
SWEEP = (
    *("task=restoration", "known=0.5", "observed=scans", "preset=smoke", "iterations=400"),
    *("network.down=[16,16]", "network.up=[16,16]", "network.skip=[4,4]", "input_depth=8"),
    *("mask=mask.png", "threads=1", "logger=none", "max_side=96", "-m", "launcher=slurm"),
    *("launcher.cpus_per_task=1", "launcher.timeout_min=30"),
)


def main() -> int:
    """Run the check; the exit status is 0 if everything was as it should be."""
    require()
    folder = Path(tempfile.mkdtemp(prefix="slurm-check-"))
    with cluster(folder):
        print(call("sinfo"), flush=True)
        prepare(folder)
        started = time.monotonic()
        sweep = start_sweep(folder)
        try:
            preempt(folder, sweep)
            status = sweep.wait(PATIENCE)
        finally:
            call("scancel", "--user", str(os.getuid()), check=False)
            sweep.kill()
        print(f"{time.monotonic() - started:.0f} s, exit status {status}")
        examine(folder, status)
    shutil.rmtree(folder)
    print("as it should be")
    return 0


def require() -> None:
    """Look for SLURM; install it where that is this script's to do."""
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if not missing:
        return
    if os.geteuid() or shutil.which("apt-get") is None:
        sys.exit(f"error: {', '.join(missing)}: not found; install SLURM and munge first")
    subprocess.run(["apt-get", "update", "-q"], check=True)
    install = ["apt-get", "install", "-y", "-q", "--no-install-recommends", *PACKAGES]
    subprocess.run(install, check=True)


@contextmanager
def cluster(folder: Path) -> Iterator[None]:
    """Start SLURM on this machine, unless there is a cluster, and end what was started."""
    if subprocess.run(["sinfo"], capture_output=True, check=False).returncode == 0:
        yield
        return
    if os.geteuid():
        sys.exit("error: no cluster answers, and only root can start one")
    for name in ("state", "spool"):
        (folder / name).mkdir()
    config = folder / "slurm.conf"
    config.write_text(CONFIG.format(host=socket.gethostname(), state=folder))
    os.environ["SLURM_CONF"] = str(config)
    for path in MUNGE:
        path.mkdir(parents=True, exist_ok=True)
        shutil.chown(path, "munge", "munge")
    foreground = [
        ["runuser", "-u", "munge", "--", shutil.which("munged") or "", "--foreground"],
        ["slurmctld", "-D"],
        ["slurmd", "-D"],
    ]
    daemons = []
    try:
        for command in foreground:
            log = (folder / f"{Path(command[-2]).name}.out").open("w")
            daemons.append(subprocess.Popen(command, stdout=log, stderr=log))
            time.sleep(3)
        yield
    finally:
        for daemon in reversed(daemons):
            daemon.terminate()
            try:
                daemon.wait(30)
            except subprocess.TimeoutExpired:
                daemon.kill()


def call(*command: str, check: bool = True) -> str:
    """Return what a program prints."""
    return subprocess.run(command, capture_output=True, text=True, check=check).stdout.strip()


def prepare(folder: Path) -> None:
    """Write five photographs, a file that is none, and a mask."""
    scans = folder / "scans"
    scans.mkdir()
    for number in range(1, 6):
        photo = Image.fromarray(chelsea()).crop((60 * number, 60, 60 * number + 96, 156))
        photo.save(scans / f"{number}.png")
    (scans / "6.png").write_bytes(b"not an image")
    mask = Image.effect_noise((96, 96), 100).point(lambda level: 255 * (level > 128))
    mask.save(folder / "mask.png")


def start_sweep(folder: Path) -> subprocess.Popen[bytes]:
    """Start the command as a user would."""
    return subprocess.Popen([sys.executable, "-m", "dip_lightning", *SWEEP], cwd=folder)


def preempt(folder: Path, sweep: subprocess.Popen[bytes]) -> None:
    """Send one running job the signal that SLURM is told to send before it takes the node away."""
    deadline = time.monotonic() + PATIENCE
    while not (running := list(folder.glob("outputs/sweeps/*/*/history.csv"))):
        if sweep.poll() is not None or time.monotonic() > deadline:
            sys.exit("error: no job has started")
        time.sleep(0.2)
    time.sleep(1)
    jobs = call("squeue", "--noheader", "--states=RUNNING", "--format=%i").split()
    print(f"{running[0].parent.name} runs; preempting job {jobs[-1]} of {jobs}", flush=True)
    # It may say that it failed although the signal has arrived; examine() looks for the requeue.
    call("scancel", "--signal=USR2", jobs[-1], check=False)


def examine(folder: Path, status: int) -> None:
    """Compare what lies there with what ought to."""
    assert status == 1, "one job failed: the sweep's exit status is 1"
    (sweep,) = folder.glob("outputs/sweeps/*/")
    jobs = {path.parent.name: json.loads(path.read_text()) for path in sweep.glob("*/metrics.json")}
    print({name: metrics["status"] for name, metrics in jobs.items()})
    failed = [metrics for metrics in jobs.values() if metrics["status"] == "failed"]
    assert len(jobs) == 6
    assert len(failed) == 1
    assert "6.png: not an image that can be read" in failed[0]["error"]
    for name, metrics in jobs.items():
        if metrics["status"] != "failed":
            assert metrics["status"] == "finished", name
            assert metrics["iterations"] == 400, name
            assert (sweep / name / "restored.png").is_file(), name
            rows = list(csv.DictReader((sweep / name / "history.csv").open()))
            counted = [int(row["iteration"]) for row in rows]
            assert counted == sorted(set(counted)), f"{name}: history.csv repeats itself"
            assert counted[-1] == 400, name
    with (sweep / "sweep.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 6
    logs = "".join(path.read_text() for path in sweep.glob(".submitit/*/*_log.*"))
    assert "Requeued job" in logs or "Caught signal" in logs, "no job was queued again"
    assert not list(sweep.glob(".sweep.csv.*")), "a partial file was left behind"


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main())
