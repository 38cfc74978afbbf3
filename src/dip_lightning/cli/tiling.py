"""A large image fitted in tiles: one after the other, kept on the disk, put together."""

import gc
import signal
import sys
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning.loggers import Logger
from torch import Tensor

from dip_lightning.building import build_prior
from dip_lightning.callbacks import History, Panels, Progress, Stopping
from dip_lightning.callbacks.history import COLUMNS
from dip_lightning.cli.fitting import fit
from dip_lightning.compute.memory import TILE_STEP
from dip_lightning.config import Config
from dip_lightning.errors import UserError
from dip_lightning.losses import mse
from dip_lightning.metrics import decibels
from dip_lightning.outcome import Fitted
from dip_lightning.prior.health import of_losses
from dip_lightning.prior.outputs import Outputs, kept
from dip_lightning.prior.problem import Problem
from dip_lightning.prior.tiles import Grid, Mosaic, Tile, cover
from dip_lightning.runs import checkpoint
from dip_lightning.runs.checkpoint import Identity, fingerprints
from dip_lightning.runs.layout import TILES


def grid_of(config: Config, problem: Problem) -> Grid:
    """Lay the tiles that a job asks for over an image; without `tile`, the whole is one."""
    size, margin = problem.frame[1:], problem.scale * problem.reach
    return cover(size, config.tile or max(size), config.shared, problem.lattice, margin)


@dataclass(frozen=True)
class Part:
    """What the fit of a tile, or its checkpoint, has given.

    Attributes:
        outputs: of the tile; None: they are in the mosaic.
        fit: what the checkpoint says of its course; empty where there was no fit.
        seconds: how long it took.
        is_copy: nothing was missing, so y is the result.
    """

    outputs: Outputs | None
    fit: dict[str, Any]
    seconds: float = 0.0
    is_copy: bool = False

    @property
    def is_over(self) -> bool:
        """Whether it stays as it is, even if other tiles are fitted for longer."""
        return self.is_copy or bool(self.fit.get("is_over"))

    @property
    def diagnosis(self) -> str | None:
        """What is wrong with the course of the loss."""
        if not self.fit:
            return None
        (first, best), (last, *_) = self.fit["losses"], self.fit["iterates"][-1]
        return of_losses(first, best, last)


class Tiling:
    """The fits of all tiles of an image, and the image that they make.

    Args:
        config: settings of the job.
        problem: what is asked of the whole image.
        seen: values of y that the loss may see; None: all that are known.
        z: image to use as input of the network, (1, C, H, W), as large as the result; None: drawn.
        folder: result folder.
        identity: of the whole fit.

    Raises:
        UserError: a tile has no known pixel, or is smaller than its task can use.
    """

    def __init__(
        self,
        config: Config,
        problem: Problem,
        seen: Tensor | None,
        z: Tensor | None,
        folder: Path,
        identity: Identity,
    ) -> None:
        self.config, self.problem, self.seen, self.z = config, problem, seen, z
        self.folder, self.identity = folder, identity
        self.grid = grid_of(config, problem)
        self._found: dict[int, Path] = {}
        self._check_known()
        problem.cut(next(iter(self.grid)))  # what no tile can be is refused before anything is lost

    def find(self) -> None:
        """Find the tiles that are on the disk, fitted or begun.

        Raises:
            FolderError: they are another fit's.
        """
        for number, tile in enumerate(self.grid):
            found = checkpoint.find(self._place(number) / checkpoint.NAME, self._identity(tile))
            if found is not None:
                self._found[number] = found

    def fit(
        self, device: torch.device, stopping: Stopping, logger: Logger | None
    ) -> tuple[Fitted, History]:
        """Fit the tiles, all that there is time for, and put them together.

        Args:
            device: where to compute.
            stopping: says when there is no more time.
            logger: where else the curve goes.

        Returns:
            The whole image, and a row of history for each tile.

        Raises:
            UserError: a loss was not finite from the first iteration.
            OSError: a tile cannot be written.
            SystemExit: a signal came before there was a result.
        """
        panels = Panels(self.folder / "snapshots", self.config.iterations)
        panels.write_truth(self.problem.x)
        self._make_places()
        mosaics, parts = [Mosaic(self.problem.frame) for _ in fields(Outputs)], []
        for number, tile in enumerate(self.grid):
            part = self._part(number, tile, device, stopping)
            assert part.outputs is not None  # noqa: S101 - it is not in the mosaic yet
            for mosaic, pixels in zip(mosaics, part.outputs.images, strict=True):
                mosaic.add(tile, pixels)
            parts.append(replace(part, outputs=None))
            gc.collect()  # a Trainer and its model refer to each other
        if not any(part.fit or part.is_copy for part in parts):
            raise SystemExit(128 + signal.SIGTERM)  # before the first iteration
        fitted = self._fitted(parts, Outputs(*(mosaic.image() for mosaic in mosaics)))
        history = self._history(parts, logger)
        average = fitted.outputs.average
        panels.write(average, fitted.iteration, self._psnr(average), logger)
        panels.finish()
        finished = sum(part.is_over for part in parts)
        if finished < len(parts):
            print(f"{finished} of {len(parts)} tiles are finished", file=sys.stderr)
        return fitted, history

    @cached_property
    def _stand_in(self) -> Tensor:
        return self.problem.stand_in()

    def _place(self, number: int) -> Path:
        return self.folder / TILES / f"{number:03}"

    def _make_places(self) -> None:
        """Make the folder of each tile that is to be fitted: a reader sees how many there are."""
        for number, tile in enumerate(self.grid):
            if not _is_known(self.problem.cut(tile, self.seen)):
                self._place(number).mkdir(parents=True, exist_ok=True)

    def _asked(self, tile: Tile) -> tuple[Problem, Tensor | None]:
        return self.problem.cut(tile, self.seen), None if self.z is None else tile.cut(self.z)

    def _identity(self, tile: Tile) -> Identity:
        problem, z = self._asked(tile)
        seen = None if self.seen is None and not problem.reach else problem.known
        return replace(self.identity, given=fingerprints(problem, seen, z))

    def _check_known(self) -> None:
        seen = self.problem.known_values() if self.seen is None else self.seen
        seen = seen.expand(1, -1, *self.problem.y.shape[2:])

        def empty(grid: Grid) -> Tile | None:
            return next((t for t in grid if not t.cut(seen, self.problem.scale).any()), None)

        tile = empty(self.grid)
        if tile is None:
            return
        side = max(self.grid.size) // TILE_STEP * TILE_STEP
        while empty(grid_of(replace(self.config, tile=side), self.problem)) is not None:
            side += TILE_STEP
        raise UserError(
            f"tile={self.config.tile}: the tile at row {tile.rows.start}, column "
            f"{tile.columns.start} has no known pixel; use tile={side} or more",
            "nothing_known",
        )

    def _part(self, number: int, tile: Tile, device: torch.device, stopping: Stopping) -> Part:
        """Return a tile's result: found, fitted, or a stand-in."""
        (problem, _), path = self._asked(tile), self._found.get(number)
        if _is_known(problem):
            return Part(Outputs.same(problem.y), {}, is_copy=True)
        saved = None if path is None else checkpoint.read(path)
        if saved is None or not saved["fit"]["is_over"]:
            saved = self._fit(number, tile, device, stopping) or saved
        if saved is None:
            stand_in = tile.cut(self._stand_in)
            return Part(Outputs.same(stand_in), {})
        if saved["fit"]["is_over"]:
            keep_result(self._place(number) / checkpoint.NAME, saved)
        state, seconds = saved["state_dict"], saved["callbacks"][History.__qualname__]["seconds"]
        outputs = Outputs.of(state, problem)
        return Part(outputs, saved["fit"], seconds)

    def _fit(
        self, number: int, tile: Tile, device: torch.device, stopping: Stopping
    ) -> dict[str, Any] | None:
        """Fit a tile; return its checkpoint, None if a signal left no time for it."""
        if stopping.received is not None:
            return None
        place, count, total = self._place(number), len(self.grid), self.config.iterations
        place.mkdir(parents=True, exist_ok=True)
        name = f" tile {tile.rows.start} {tile.columns.start}"
        prior = build_prior(self.config, *self._asked(tile), name)
        found = self._found.get(number)
        shown = f"tile {number + 1}/{count}"
        around = [Progress(count * total, number * total, shown, found), stopping]
        identity = self._identity(tile)
        try:
            fit(prior, self.config, identity, place, around, device=device, found=found)
        except SystemExit:  # Lightning's own, if the signal came before the first iteration
            stopping.note(signal.SIGTERM)
            return None
        prior.trainer.save_checkpoint(place / checkpoint.NAME)
        return checkpoint.read(place / checkpoint.NAME)

    def _fitted(self, parts: list[Part], outputs: Outputs) -> Fitted:
        fits = [part.fit for part in parts if part.fit]
        losses = [fit["iterates"][-1][0] for fit in fits]
        is_over = all(part.is_over for part in parts)
        iterations = [fit["iteration"] for fit in fits] or [0]
        if not is_over:
            iterations = [sum(iterations) // len(parts)]
        ended = max(iterations)
        weights = [fit["fit_weight"] for fit in fits if fit["fit_weight"] is not None]
        return Fitted(
            outputs,
            loss=sum(losses) / len(parts) if losses else None,
            diagnosis=next((part.diagnosis for part in parts if part.diagnosis), None),
            iteration=ended,
            is_over=is_over,
            reached_at=ended if is_over and 0 < ended < self.config.iterations else None,
            diverged_at=next((fit["diverged_at"] for fit in fits if fit["diverged_at"]), None),
            is_combined=not torch.equal(outputs.combined, outputs.average),
            fit_weight=sum(weights) / len(weights) if weights else None,
        )

    def _history(self, parts: list[Part], logger: Logger | None) -> History:
        """Write a row for each tile that was fitted: its iterations and seconds add up."""
        rows: list[dict[str, float | None]] = []
        iteration, seconds = 0, 0.0
        for part in parts:
            if part.fit:
                loss, *errors = part.fit["iterates"][-1]
                iteration += part.fit["iteration"]
                seconds += part.seconds
                values = (iteration, loss, *map(decibels, errors), seconds)
                rows.append(dict(zip(COLUMNS, values, strict=True)))
        c = self.config
        history = History(c.log_every, c.iterations, self.folder / "history.csv")
        # The image's best iterate is not known: its tiles were never fitted at the same time.
        history.load_state_dict(
            {"rows": rows, "psnr_best": None, "iteration_best": None, "seconds": seconds}
        )
        history.write_rows(logger)
        return history

    def _psnr(self, image: Tensor) -> float | None:
        x = self.problem.x
        return None if x is None else decibels(float(mse(image, x)))


def _is_known(problem: Problem) -> bool:
    """Say whether nothing is missing of a tile, so that y is its result."""
    return problem.keep_known and problem.known is not None and bool(problem.known.all())


def keep_result(path: Path, saved: dict[str, Any]) -> None:
    """Leave of a finished tile's checkpoint what the mosaic needs: outputs, course, what it is of.

    Raises:
        OSError: it cannot be written; the checkpoint is as it was.
    """
    if "optimizer_states" not in saved:
        return
    facts = {name: saved[name] for name in ("configuration", "given", "fit", "callbacks")}
    checkpoint.write(path, {**facts, "state_dict": kept(saved["state_dict"])})
