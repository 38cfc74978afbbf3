"""Where curves and images go besides the result folder."""

import os
import shlex
import sys
from collections.abc import Iterator, Mapping
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

INIT_SECONDS = 15  # for the server to answer, before a run goes offline
FINISH_SECONDS = 30  # for what is left to be uploaded; the rest stays in the folder
CURVES = ("loss", "psnr", "psnr_average")
BY_SECONDS = "by_seconds/"  # the same curves against time
# What finds a run again among many.
TAGS = ("preset", "study", "budget")
_server_failed = False  # in this process: the next jobs of a sweep do not wait for it again


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


@contextmanager
def open_logger(config: Config, place: Place) -> Iterator[Logger | None]:
    """Open the logger that `logger=` asks for, and close it whatever happens."""
    name = config.logger["name"]
    if name == "none":
        yield None
    elif name == "csv":
        layout.claim(place.folder, layout.CSV)
        yield CSVLogger(place.folder, name="", version="csv")
    else:
        dashboard = _dashboard(config, place)
        try:
            yield dashboard
        finally:
            _finish()


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


def how_to_upload(logger: Logger | None) -> str | None:
    """Say how a run that stayed offline is uploaded; None where nobody would."""
    if not isinstance(logger, Dashboard) or not logger.experiment.offline or not logger.expected:
        return None
    run = shlex.quote(str(shown_path(Path(logger.experiment.dir).parent)))
    return f"W&B: offline; to upload later: wandb sync {run}"


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


def _start(config: Config, place: Place, mode: str, *, expected: bool) -> Dashboard:
    import wandb  # noqa: PLC0415 - slow to import, and only needed here

    settings, swept = config.logger, f" {place.swept}" if place.swept else ""
    again = repeating(place.folder, config.operator.get("name"))
    values = asdict(config)
    tags = [str(config.network["name"]), *(str(values[key]) for key in TAGS if values[key])]
    layout.claim(place.folder, layout.WANDB)
    experiment = wandb.init(
        name=f"{config.task} {config.name}{swept}",
        project=settings["project"],
        entity=settings.get("entity"),
        group=place.group,
        job_type=config.task,
        tags=list(dict.fromkeys(tags)),
        notes=again,
        dir=place.folder,
        mode=mode,  # type: ignore[arg-type]
        config={**values, "command": again},
        settings=wandb.Settings(
            silent=True,
            console="off",
            init_timeout=INIT_SECONDS,
            finish_timeout=FINISH_SECONDS,
        ),
    )
    dashboard = Dashboard(experiment=experiment, expected=expected)
    dashboard.define_axes()
    return dashboard


def _finish() -> None:
    import wandb  # noqa: PLC0415 - see above

    try:
        # Without it the next job of a sweep would log into this run.
        wandb.finish()
    except Exception as error:  # noqa: BLE001 - a dashboard must never cost a result
        print(f"W&B: {first_line(error)}; the result folder has it all", file=sys.stderr)


def _logged_in() -> bool:
    import wandb  # noqa: PLC0415 - see above

    wandb.setup(wandb.Settings(silent=True, console="off"))
    return bool(wandb.login(prompt=False))
