"""Where curves and images go besides the result folder."""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers import CSVLogger, Logger, WandbLogger

from dip_lightning.config import Config
from dip_lightning.naming import Place, shown_path

INIT_SECONDS = 30


class Dashboard(WandbLogger):
    """W&B that may fail: what it cannot take is reported once and left out, the fit goes on."""

    _failed = False

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Send the measurements of one iteration."""
        with self._forgiving():
            super().log_metrics(metrics, step)

    def log_image(
        self, key: str, images: list[Any], step: int | None = None, **settings: Any
    ) -> None:
        """Send images."""
        with self._forgiving():
            super().log_image(key, images, step, **settings)

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
                print(f"W&B: {_first_line(error)}; the result folder has it all", file=sys.stderr)
            self._failed = True


@contextmanager
def open_logger(config: Config, place: Place) -> Iterator[Logger | None]:
    """Open the logger that `logger=` asks for, and close it whatever happens."""
    name = config.logger["name"]
    if name == "none":
        yield None
    elif name == "csv":
        yield CSVLogger(place.folder, name="", version="csv")
    else:
        import wandb  # noqa: PLC0415 - slow to import, and only needed here

        try:
            yield _dashboard(config, place)
        finally:
            # Without it the next job of a sweep would log into this run.
            wandb.finish()


def log_result(logger: Logger | None, metrics: dict[str, Any], comparison: Path) -> None:
    """Send the final metrics and the comparison image to the dashboard."""
    if isinstance(logger, Dashboard):
        logger.summarise(metrics)
        logger.log_image("comparison", [str(comparison)])


def _dashboard(config: Config, place: Place) -> Dashboard | None:
    mode = config.logger["mode"]
    try:
        if mode == "auto":
            mode = os.environ.get("WANDB_MODE") or ("online" if _logged_in() else "offline")
        return _start(config, place, mode)
    except Exception as error:  # noqa: BLE001 - a dashboard must never cost a result
        print(f"W&B: {_first_line(error)}; going on offline", file=sys.stderr)
    try:
        return _start(config, place, "offline")
    except Exception as error:  # noqa: BLE001
        print(f"W&B: {_first_line(error)}; going on without it", file=sys.stderr)
        return None


def _start(config: Config, place: Place, mode: str) -> Dashboard:
    import wandb  # noqa: PLC0415 - see above

    settings, swept = config.logger, f" {place.swept}" if place.swept else ""
    experiment = wandb.init(
        name=f"{config.task} {config.name}{swept}",
        project=settings["project"],
        entity=settings.get("entity"),
        group=place.group,
        job_type=config.task,
        dir=place.folder,
        mode=mode,  # type: ignore[arg-type]
        config=asdict(config),
        settings=wandb.Settings(silent=True, console="off", init_timeout=INIT_SECONDS),
    )
    if mode == "offline":
        sync = Path(experiment.dir).parent
        print(f"W&B: offline; to upload later: wandb sync {shown_path(sync)}", flush=True)
    return Dashboard(experiment=experiment)


def _logged_in() -> bool:
    import wandb  # noqa: PLC0415 - see above

    wandb.setup(wandb.Settings(silent=True, console="off"))
    return bool(wandb.login(prompt=False))


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0].rstrip(".")
