"""Tables of an experiment."""

from collections.abc import Sequence

import pandas as pd

from dip_lightning.study.results import OURS, Result, format_value

TITLES = {
    "psnr": "PSNR, all channels, whole frame (dB)",
    "psnr_crop": (
        "PSNR, all channels, centre cut to a multiple of 32, border of `factor` pixels (dB)"
    ),
    "psnr_y": "PSNR-Y, studio-range luma, centre cut to a multiple of 32, border 4 (dB)",
    "psnr_y_factor": "PSNR-Y, the same with a border of `factor` pixels (dB)",
    "psnr_holes": "PSNR, all channels, missing pixels only (dB)",
    "psnr_known": "PSNR, all channels, known pixels only (dB)",
    "ssim": "SSIM",
    "loss": "Loss of the last iterate",
}
STYLES = {"ssim": ".4f", "loss": ".2e"}
# Of what a user has said, these are no change of the experiment.
USUAL = (
    *("+study=", "budget=", "logger=", "logger.", "seed=", "threads=", "device=", "resume="),
    "checkpoint_seconds=",
)


def wide(rows: pd.DataFrame, axes: tuple[str, ...], metric: str) -> pd.DataFrame:
    """Lay out one metric: a row for each image and setting, a column for each method.

    Args:
        rows: see `results.frame`.
        axes: columns that say which setting it is.
        metric: key of metrics.json.

    Returns:
        Text cells: the mean over seeds, with the standard deviation where there are several;
        empty where nothing is known. Below, for each setting, the means over its images of the
        methods that have them all.
    """
    keys = ["image", *axes]
    chosen = rows[(rows["metric"] == metric) & rows["value"].notna()]
    if chosen.empty:
        return pd.DataFrame()
    style = STYLES.get(metric, ".2f")
    methods = _columns(chosen)
    lines = []
    for names, group in chosen.groupby(keys, sort=False):
        cells = {method: _cell(part, style) for method, part in group.groupby("method")}
        lines.append([*names, *(cells.get(method, "") for method in methods)])
    if metric != "loss":
        lines += _means(chosen, axes, methods, style)
    return pd.DataFrame(lines, columns=[*keys, *methods])


def _columns(chosen: pd.DataFrame) -> list[str]:
    methods = list(dict.fromkeys(chosen["method"]))
    return [name for name in methods if name not in OURS] + [m for m in OURS if m in methods]


def _cell(part: pd.DataFrame, style: str) -> str:
    values = part.groupby("seed")["value"].mean()
    mean = format(values.mean(), style)
    if values.nunique() == 1:
        return mean
    return f"{mean} ± {format(values.std(ddof=1), style)} ({len(values)} seeds)"


def _means(
    chosen: pd.DataFrame, axes: tuple[str, ...], methods: list[str], style: str
) -> list[list[str]]:
    lines = []
    settings = chosen.groupby(list(axes), sort=False) if axes else [((), chosen)]
    for names, group in settings:
        images = group["image"].nunique()
        if images == 1:
            continue
        means = group.groupby(["method", "image"])["value"].mean().unstack().reindex(methods)
        # A method that lacks an image has no mean.
        means = means.mean(axis=1, skipna=False)
        shown = ["" if pd.isna(mean) else format(mean, style) for mean in means]
        lines.append([f"mean of {images}", *names, *shown])
    return lines


def markdown(table: pd.DataFrame) -> str:
    """Write a table in Markdown."""
    lines = [list(map(str, table.columns)), ["---"] * len(table.columns)]
    lines += [
        [str(cell).replace("|", "\\|") for cell in row] for row in table.itertuples(index=False)
    ]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def label(results: list[Result], axes: tuple[str, ...], fixed: Sequence[str] = ()) -> str:
    """Say how the numbers came about.

    Args:
        results: the jobs.
        axes: settings with columns of their own.
        fixed: axes of the experiment that have one value here.

    Returns:
        Budget, iterations, size, seeds, device, time, and what is not as the experiment says.
    """

    def several(values: list[str]) -> str:
        return ", ".join(dict.fromkeys(values))

    def number(key: str) -> str:
        return several([str(v) for v in sorted({r.run.metrics[key] for r in results})])

    sizes = [" x ".join(map(str, reversed(r.run.metrics.get("size", ())[1:]))) for r in results]
    told = [text for r in results for text in r.run.overrides if not text.startswith(USUAL)]
    known = {*axes, *fixed, "image"}
    changed = several([text for text in told if text.partition("=")[0] not in known])
    values = "".join(f"{key}={format_value(results[0].setting(key))}; " for key in fixed)
    minutes = sum(r.run.metrics["seconds"] for r in results) / 60
    return (
        f"{values}budget {several([r.limits for r in results])}: {number('iterations')} "
        f"iterations, {several(sizes)} pixels; seed {number('seed')}; "
        f"{several([r.device for r in results])}; {len(results)} jobs, {minutes:.0f} minutes"
        + (f"; changed: {changed}." if changed else ".")
    )
