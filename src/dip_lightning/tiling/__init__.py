"""A large image fitted in tiles: one after the other, kept on the disk, put together."""

import gc
import signal
import sys
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning.loggers import Logger
from torch import Tensor

from dip_lightning import tasks
from dip_lightning.callbacks import History, Panels, Progress, Stopping
from dip_lightning.callbacks.history import decibels
from dip_lightning.config import Config, value_of
from dip_lightning.engine.memory import TILE_STEP
from dip_lightning.errors import UserError
from dip_lightning.fitting import fit
from dip_lightning.generators.inputs import check_input
from dip_lightning.losses import mse
from dip_lightning.results import checkpoint
from dip_lightning.tasks.base import RestorationTask
from dip_lightning.tasks.course import Iterate
from dip_lightning.tasks.given import Given, fingerprints
from dip_lightning.tiling.courses import Record, mean_rows, record_of, write_history
from dip_lightning.tiling.tiles import Grid, Mosaic, Tile, cover


def grid_of(config: Config, shape: tuple[int, int, int]) -> Grid:
    """Lay the tiles that a job asks for over an image; without `tile`, the whole is one.

    Args:
        config: settings of the job.
        shape: (C, H, W) of x_hat.
    """
    step = config.factor or 1
    margin = step * tasks.load(config.task).reach
    return cover(shape[1:], config.tile or max(shape[1:]), config.shared, step, margin)


class Tiling:
    """The fits of all tiles of an image, and the image that they make.

    Args:
        whole: the task for the whole image, without z; gets the results.
        folder: result folder.

    Attributes:
        diagnosis: what is wrong with the course of a tile's loss.
        finished: how many tiles have been fitted to the end.

    Raises:
        UserError: a tile has no known pixel, or the image to use as z is of another size.
    """

    def __init__(self, whole: RestorationTask, folder: Path) -> None:
        self.whole, self.folder = whole, folder
        self.step, self.total = whole.config.factor or 1, whole.config.iterations
        self.grid = grid_of(whole.config, whole.shape)
        self.diagnosis: str | None = None
        self.finished = 0
        self._found: dict[int, Path] = {}
        depth, z = whole.config.input_depth, whole.given.z
        if z is not None:
            check_input(z, whole.config.input_type, (depth, *whole.shape[1:]))
        self._check_known()

    def find(self, device: torch.device) -> None:
        """Find the tiles that are on the disk, fitted or begun.

        Raises:
            FolderError: they are another fit's.
        """
        for number, tile in enumerate(self.grid):
            given = self.given(tile)
            of = fingerprints(given.y, given.m, given.used, given.z)
            found = checkpoint.find(self._place(number), self.whole, device, of)
            if found is not None:
                self._found[number] = found

    def fit(self, device: torch.device, stopping: Stopping, logger: Logger | None) -> History:
        """Fit the tiles, all that there is time for, and put them together.

        Args:
            device: where to compute.
            stopping: says when there is no more time.
            logger: where else the curve goes.

        Raises:
            UserError: a loss was not finite from the first iteration.
            OSError: a tile cannot be written.
            SystemExit: a signal came before there was a result.
        """
        panels = Panels(self.folder / "snapshots", self.total)
        panels.write_truth(self.whole)
        mosaics, records = [Mosaic(self.whole.shape) for _ in range(2)], []
        for number, tile in enumerate(self.grid):
            *pixels, record = self._part(number, tile, device, stopping)
            for mosaic, part in zip(mosaics, pixels, strict=True):
                mosaic.add(tile, part)
            records.append(record)
            del pixels, part
            gc.collect()  # a Trainer and its model refer to each other
        self.whole.x_hat, self.whole.x_average = (mosaic.image() for mosaic in mosaics)
        history = self._conclude(records, logger)
        panels.write(self.whole, logger)
        panels.finish()
        if self.finished < len(records):
            print(f"{self.finished} of {len(records)} tiles are finished", file=sys.stderr)
        return history

    def given(self, tile: Tile) -> Given:
        """Cut out what a tile's task is given."""
        whole = self.whole

        def part(image: Tensor | None, step: int = 1) -> Tensor | None:
            return None if image is None else tile.cut(image, step)

        used = part(whole.used, self.step)
        if whole.reach:
            # There the operator would see the tile's own padding in place of the neighbour.
            used = tile.cut(whole.known(), self.step) if used is None else used
            used = _without_border(used, tile.inside, whole.reach)
        return Given(
            x=part(whole.x),
            y=part(whole.y, self.step),
            m=part(whole.mask),
            used=used,
            z=part(whole.given.z),
            y_noise_std=whole.y_noise_std(),
            tile=f" tile {tile.rows.start} {tile.columns.start}",
        )

    @cached_property
    def _stand_in(self) -> Tensor:
        return self.whole.stand_in()

    def _place(self, number: int) -> Path:
        return self.folder / checkpoint.TILES / f"{number:03}"

    def _check_known(self) -> None:
        seen = self.whole.known() if self.whole.used is None else self.whole.used

        def empty(grid: Grid) -> Tile | None:
            return next((tile for tile in grid if not tile.cut(seen, self.step).any()), None)

        tile, config = empty(self.grid), self.whole.config
        if tile is None:
            return
        side = max(self.grid.size) // TILE_STEP * TILE_STEP
        while empty(grid_of(replace(config, tile=side), self.whole.shape)) is not None:
            side += TILE_STEP
        raise UserError(
            f"tile={config.tile}: the tile at row {tile.rows.start}, column {tile.columns.start} "
            f"has no known pixel; use tile={side} or more",
            "nothing_known",
        )

    def _part(
        self, number: int, tile: Tile, device: torch.device, stopping: Stopping
    ) -> tuple[Tensor, Tensor, Record]:
        """Return a tile's last iterate, averaged output and record: found, fitted, or y alone."""
        given, path = self.given(tile), self._found.get(number)
        if self._is_known(given):
            y = value_of(given.y)
            return y, y, Record(iteration=self.total, is_copy=True, is_over=True)
        saved = None if path is None else checkpoint.read(path)
        if saved is None or not saved["fit"]["is_over"]:
            saved = self._fit(number, given, device, stopping) or saved
        if saved is None:
            stand_in = tile.cut(self._stand_in)
            return stand_in, stand_in, Record()
        if saved["fit"]["is_over"]:
            keep_result(self._place(number) / checkpoint.NAME, saved)
        state = saved["state_dict"]
        return state["x_hat"], state["x_average"], record_of(saved)

    def _fit(
        self, number: int, given: Given, device: torch.device, stopping: Stopping
    ) -> dict[str, Any] | None:
        """Fit a tile; return its checkpoint, None if a signal left no time for it."""
        if stopping.received is not None:
            return None
        config, place, count = self.whole.config, self._place(number), len(self.grid)
        place.mkdir(parents=True, exist_ok=True)
        task = tasks.load(config.task)(config, given)
        name = f"tile {number + 1}/{count}"
        found = self._found.get(number)
        progress = Progress(count * self.total, number * self.total, name, found)
        try:
            fit(task, device, place, [progress, stopping], None, found)
        except SystemExit:  # Lightning's own, if the signal came before the first iteration
            stopping.note(signal.SIGTERM)
            return None
        return checkpoint.read(place / checkpoint.NAME)

    def _is_known(self, given: Given) -> bool:
        seen = given.m if given.used is None else given.used
        return bool(self.whole.config.keep_known) and seen is not None and bool(seen.all())

    def _conclude(self, records: list[Record], logger: Logger | None) -> History:
        whole, config = self.whole, self.whole.config
        rows = mean_rows(records)
        if not rows and not all(record.is_copy for record in records):
            raise SystemExit(128 + signal.SIGTERM)  # before the first iteration
        self.finished = sum(record.is_over for record in records)
        self.diagnosis = next((r.diagnosis for r in records if r.diagnosis), None)
        whole.diverged_at = next((r.diverged_at for r in records if r.diverged_at), None)
        whole.iteration = sum(record.iteration for record in records) // len(records)
        if self.finished == len(records):
            whole.iteration = max(record.iteration for record in records)
            whole.discrepancy.reached_at = whole.iteration if whole.iteration < self.total else None
        loss = list(rows.values())[-1].loss if rows else 0.0
        errors = [
            None if whole.x is None else float(mse(image, whole.x))
            for image in (whole.x_hat, whole.x_average)
        ]
        whole.iterates = [Iterate(loss, *errors)]
        history = History(self.folder / "history.csv", config.log_every, self.total)
        write_history(history, rows, logger)
        psnr = decibels(errors[0])
        if psnr is not None and (history.psnr_best is None or psnr > history.psnr_best):
            history.psnr_best, history.iteration_best = psnr, whole.iteration
        return history


def keep_result(path: Path, saved: dict[str, Any]) -> None:
    """Leave of a finished tile's checkpoint what the mosaic needs: outputs, curve, what it is of.

    Raises:
        OSError: it cannot be written; the checkpoint is as it was.
    """
    if "optimizer_states" not in saved:
        return
    kept = {name: saved[name] for name in ("configuration", "fit", "callbacks")}
    state = {name: saved["state_dict"][name] for name in ("x_hat", "x_average")}
    checkpoint.write(path, {**kept, "state_dict": state})


def _without_border(m: Tensor, inside: tuple[bool, bool, bool, bool], width: int) -> Tensor:
    """Clear the outermost pixels of (1, C, h, w) at those borders that lie inside the image."""
    m = m.clone()
    edges = (slice(None, width), slice(-width, None))
    for edge, above_or_below in zip(edges, inside[:2], strict=True):
        if above_or_below:
            m[..., edge, :] = 0
    for edge, beside in zip(edges, inside[2:], strict=True):
        if beside:
            m[..., edge] = 0
    return m
