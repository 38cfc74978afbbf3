"""Where curves and images go besides the result folder."""

import hashlib
import os
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers import CSVLogger, Logger, WandbLogger

from dip_lightning.config import Config
from dip_lightning.errors import first_line
from dip_lightning.files import shown_path
from dip_lightning.runs import layout
from dip_lightning.runs.naming import Place, repeating
from dip_lightning.runs.run import flatten

INIT_SECONDS = 15  # for the server to answer, before a run goes offline
FINISH_SECONDS = 30  # for what is left to be uploaded; the rest stays in the folder
CURVES = ("loss", "psnr", "psnr_average")
BY_SECONDS = "by_seconds/"  # the same curves against time
# What finds a run again among many.
TAGS = ("preset", "study", "budget")
LONGEST, LONGEST_TAG = 127, 64  # characters that W&B takes of a name or group, and of a tag
SHORTEST = 8  # characters that a part of a shortened name keeps
CHECKSUM = 6  # characters of it
OFFLINE_RUNS = "*/wandb/offline-run-*"  # below the folder of a sweep
_server_failed = False  # in this process: the next jobs of a sweep do not wait for it again
_open: "Dashboard | None" = None  # the run of the job that this process does


class Dashboard(WandbLogger):
    """W&B that may fail: what it cannot take is reported once and left out, the fit goes on.

    Attributes:
        expected: whether there is a sign that anybody here uses W&B: a login, a variable, a key.
    """

    _failed = False

    def __init__(self, *, expected: bool = True, **settings: Any) -> None:
        super().__init__(**settings)
        self.expected = expected

    def log_metrics(self, metrics: Mapping[str, Any], step: int | None = None) -> None:
        """Send the measurements or images of one iteration, the curves once more against time."""
        row = dict(metrics) if step is None else {"iteration": step, **metrics}
        if "seconds" in row:
            row |= {f"{BY_SECONDS}{name}": row[name] for name in CURVES if name in row}
        with self._forgiving():
            self.experiment.log(row)

    def log_image(
        self, key: str, images: list[Any], step: int | None = None, **settings: Any
    ) -> None:
        """Send images."""
        with self._forgiving():
            super().log_image(key, images, step, **settings)

    def define_axes(self) -> None:
        """Say what each curve is drawn against."""
        with self._forgiving():
            self.experiment.define_metric("iteration")
            self.experiment.define_metric("seconds")
            for name in (*CURVES, "x_average"):
                self.experiment.define_metric(name, step_metric="iteration")
            self.experiment.define_metric(f"{BY_SECONDS}*", step_metric="seconds")

    def summarise(self, metrics: dict[str, Any]) -> None:
        """Send the final metrics."""
        with self._forgiving():
            self.experiment.summary.update(metrics)

    @contextmanager
    def _forgiving(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # noqa: BLE001 - a dashboard must never cost a result
            if not self._failed:
                print(f"W&B: {first_line(error)}; the result folder has it all", file=sys.stderr)
            self._failed = True


def open_logger(config: Config, place: Place) -> Logger | None:
    """Open the logger that `logger=` asks for; `close_logger` closes it."""
    name = config.logger["name"]
    if name == "none":
        return None
    if name == "csv":
        layout.claim(place.folder, layout.CSV)
        return CSVLogger(place.folder, name="", version="csv")
    return _dashboard(config, place)


def log_result(logger: Logger | None, metrics: dict[str, Any], comparison: Path) -> None:
    """Send the final metrics and the comparison image to the dashboard."""
    if isinstance(logger, Dashboard):
        logger.summarise(metrics)
        caption = ", ".join(
            f"{name} {metrics[name]:.2f} dB"
            for name in ("psnr", "psnr_average")
            if metrics.get(name) is not None
        )
        logger.log_image("comparison", [str(comparison)], caption=[caption or metrics["status"]])


def log_failure(config: Config, place: Place, why: dict[str, Any]) -> None:
    """Send why a job has failed, with its settings, where its run was not open yet.

    Args:
        config: settings of the job.
        place: its folder, and its names.
        why: what metrics.json holds.
    """
    if config.logger["name"] == "wandb":
        dashboard = _open or _dashboard(config, place)
        if dashboard is not None:
            dashboard.summarise(why)


def close_logger(exit_code: int) -> None:
    """End the job's run on W&B, if one is open: the next job would log into it.

    Args:
        exit_code: status that the job would end a process with; not 0 is a failure on W&B.
    """
    global _open  # noqa: PLW0603 - see there
    if _open is None:
        return
    try:
        _open.experiment.finish(exit_code=exit_code)
    except Exception as error:  # noqa: BLE001 - a dashboard must never cost a result
        print(f"W&B: {first_line(error)}; the result folder has it all", file=sys.stderr)
    _open = None


def how_to_upload(logger: Logger | None) -> str | None:
    """Say how a run that stayed offline is uploaded; None where nobody would."""
    if not isinstance(logger, Dashboard) or not logger.experiment.offline or not logger.expected:
        return None
    return _syncing(shlex.quote(str(shown_path(Path(logger.experiment.dir).parent))))


def how_to_upload_sweep(folder: Path, mode: str) -> str | None:
    """Say how the runs of a sweep that stayed offline are uploaded; None where nobody would.

    Args:
        folder: of the sweep.
        mode: what `logger.mode` says.
    """
    left = (run for run in folder.glob(OFFLINE_RUNS) if not any(run.glob("*.wandb.synced")))
    if not any(left) or not _is_expected(mode):
        return None
    return _syncing(f"{shlex.quote(str(shown_path(folder)))}/{OFFLINE_RUNS}")


def shortened(parts: Sequence[str], longest: int = LONGEST) -> str:
    """Join the parts of a name; of one that is too long, the longest parts lose their middle.

    What is left out may be what tells two names apart, so a checksum stands behind.

    Args:
        parts: such as "sr", "bird", "lr=0.01".
        longest: characters.
    """
    whole = " ".join(parts)
    if len(whole) <= longest:
        return whole
    checksum = hashlib.sha256(whole.encode(errors="backslashreplace")).hexdigest()[:CHECKSUM]
    room = longest - CHECKSUM - 1
    texts = (
        " ".join(_without_middle(part, length) for part in parts)
        for length in range(max(map(len, parts)), SHORTEST - 1, -1)
    )
    fitting = next((text for text in texts if len(text) <= room), _without_middle(whole, room))
    return f"{fitting} {checksum}"


def group_name(sweep: str) -> str:
    """Return what W&B calls a sweep, whose name may be longer than it takes."""
    return shortened([sweep])


def _without_middle(text: str, length: int) -> str:
    if len(text) <= length:
        return text
    head = (length - 1) // 2
    return f"{text[:head]}…{text[head + 1 - length :]}"


def _syncing(what: str) -> str:
    return f"W&B: offline; to upload later: wandb sync {what}"


def _dashboard(config: Config, place: Place) -> Dashboard | None:
    """Start a run on W&B, offline where its server or its settings fail."""
    global _server_failed  # noqa: PLW0603 - see there
    if not os.environ.get("WANDB_MODE"):
        os.environ.pop("WANDB_MODE", None)  # W&B refuses an empty one, which says nothing
    mode, expected = "offline", True
    while True:
        try:
            if not _server_failed:
                mode, expected = _mode(config.logger["mode"])
            return _start(config, place, mode, expected=expected)
        except Exception as error:  # noqa: BLE001 - a dashboard must never cost a result
            instead = "without it" if _server_failed else "offline"
            print(f"W&B: {first_line(error)}; going on {instead}", file=sys.stderr)
            if _server_failed:
                return None
            _server_failed = True


def _mode(asked: str) -> tuple[str, bool]:
    """Return W&B's mode, and whether there is a sign that anybody here uses it."""
    if asked != "auto":
        return asked, True
    told = os.environ.get("WANDB_MODE")
    expected = bool(told) or _logged_in()
    return told or ("online" if expected else "offline"), expected


def _is_expected(mode: str) -> bool:
    try:
        return _server_failed or _mode(mode)[1]
    except Exception:  # noqa: BLE001 - a login, of which the server says nothing
        return True


def _start(config: Config, place: Place, mode: str, *, expected: bool) -> Dashboard:
    import wandb  # noqa: PLC0415 - slow to import, and only needed here

    global _open  # noqa: PLW0603 - see there
    settings, swept = config.logger, [f"{key}={value}" for key, value in place.values.items()]
    again = repeating(place.folder, config.operator.get("name"))
    values = asdict(config)
    tags = [str(config.network["name"]), *(str(values[key]) for key in TAGS if values[key])]
    layout.claim(place.folder, layout.WANDB)
    experiment = wandb.init(
        name=shortened([config.task, config.name, *swept]),
        project=settings["project"],
        entity=settings.get("entity"),
        group=group_name(place.group) if place.group else None,
        job_type=config.task,
        tags=list(dict.fromkeys(shortened([tag], LONGEST_TAG) for tag in tags)),
        notes=again,
        dir=place.folder,
        mode=mode,  # type: ignore[arg-type]
        config={**flatten(values), "command": again},
        settings=wandb.Settings(
            silent=True,
            console="off",
            init_timeout=INIT_SECONDS,
            finish_timeout=FINISH_SECONDS,
        ),
    )
    _open = Dashboard(experiment=experiment, expected=expected)
    _open.define_axes()
    return _open


def _logged_in() -> bool:
    import wandb  # noqa: PLC0415 - see above

    wandb.setup(wandb.Settings(silent=True, console="off"))
    return bool(wandb.login(prompt=False))
