"""A W&B workspace for a sweep: `python -m dip_lightning.dashboard.workspace ENTITY SWEEP`."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dip_lightning.callbacks.loggers import BY_SECONDS, CURVES, group_name
from dip_lightning.dashboard.records import swept_keys
from dip_lightning.errors import first_line
from dip_lightning.runs.run import find_runs

if TYPE_CHECKING:
    import wandb_workspaces.reports.v2 as wr
    import wandb_workspaces.workspaces as ws

EXIT_FAILED, EXIT_USAGE = 1, 2
METRIC = "psnr_average"


def build_workspace(entity: str, project: str, group: str, keys: tuple[str, ...]) -> "ws.Workspace":
    """Lay out curves, images and settings of one sweep; nothing is sent.

    Args:
        entity: account or team on W&B.
        project: where the runs are.
        group: the sweep's name, by which its runs are grouped.
        keys: the swept keys.
    """
    import wandb_workspaces.reports.v2 as wr  # noqa: PLC0415 - only in the extra `wandb`
    import wandb_workspaces.workspaces as ws  # noqa: PLC0415

    curves = [
        wr.LinePlot(title=f"{name} against {x}", x=x, y=[f"{prefix}{name}"], log_y=name == "loss")
        for x, prefix in (("iteration", ""), ("seconds", BY_SECONDS))
        for name in CURVES
    ]
    columns = [_column(key) for key in keys]
    columns.append(wr.ParallelCoordinatesPlotColumn(wr.SummaryMetric(METRIC)))
    settings = [
        wr.ParallelCoordinatesPlot(columns=columns),
        wr.ScatterPlot(x=wr.SummaryMetric("seconds"), y=wr.SummaryMetric(METRIC)),
    ]
    images = [wr.MediaBrowser(media_keys=["x_average"]), wr.MediaBrowser(media_keys=["comparison"])]
    return ws.Workspace(
        entity=entity,
        project=project,
        name=f"sweep {group}",
        sections=[
            ws.Section(name="Curves", panels=curves, is_open=True),
            ws.Section(name="Images", panels=images, is_open=True),
            ws.Section(name="Settings", panels=settings, is_open=True),
        ],
        runset_settings=ws.RunsetSettings(
            filters=[ws.Metric("Group") == group_name(group)],
            order=[ws.Ordering(ws.Summary(METRIC), ascending=False)],
        ),
    )


def _column(key: str) -> "wr.ParallelCoordinatesPlotColumn":
    """Make the column of a setting; the dot of `network.down` is in its name."""
    import wandb_workspaces.reports.v2 as wr  # noqa: PLC0415

    class Column(wr.ParallelCoordinatesPlotColumn):  # type: ignore[misc]  # no types of theirs
        def _to_model(self) -> Any:
            model = super()._to_model()
            model.accessor = f"config:{key}.value"  # theirs has ".value" before the dot
            return model

    return Column(wr.Config(key), display_name=key)


def main(argv: list[str] | None = None) -> int:
    """Build the workspace of a sweep's folder, and create it on W&B.

    Returns:
        Exit status: 0; 1 if W&B refused; 2 for a mistake on the command line.
    """
    parser = argparse.ArgumentParser("python -m dip_lightning.dashboard.workspace")
    parser.add_argument("entity", help="account or team on W&B")
    parser.add_argument("sweep", type=Path, help="folder of the sweep, its runs uploaded")
    parser.add_argument("--project", default="dip_lightning")
    given = parser.parse_args(argv)
    keys = tuple(swept_keys(find_runs(given.sweep.resolve())))
    if not keys:
        print(f"error: {given.sweep}: holds no sweep", file=sys.stderr)
        return EXIT_USAGE
    try:
        workspace = build_workspace(given.entity, given.project, given.sweep.resolve().name, keys)
    except ModuleNotFoundError as error:
        print(f"error: {error.name}: install dip-lightning[wandb]", file=sys.stderr)
        return EXIT_USAGE
    try:
        workspace.save()
    except Exception as error:  # noqa: BLE001 - a refusal of W&B, of many kinds
        print(f"error: W&B: {first_line(error)}", file=sys.stderr)
        return EXIT_FAILED
    print(workspace.url)
    return 0


if __name__ == "__main__":
    sys.exit(main())
