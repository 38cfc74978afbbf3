"""Images fitted in tiles: what each tile is given, what the mosaic is, what is refused."""

import csv
from itertools import pairwise

import numpy as np
import pytest
import skimage.data
import torch
from PIL import Image

from dip_lightning import Denoising
from dip_lightning.building import build_prior, check_memory
from dip_lightning.cli.tiling import Tiling
from dip_lightning.errors import UserError
from dip_lightning.images import read
from dip_lightning.prior.tiles import Mosaic, cover
from dip_lightning.runs import checkpoint
from dip_lightning.runs.checkpoint import Identity
from dip_lightning.runs.ownership import LISTING
from dip_lightning.runs.run import find_runs
from tests.conftest import read_metrics, save_png, smooth_image
from tests.prior.test_deep_image_prior import config_of, problem_of

QUICK = ("preset=smoke", "iterations=4", "log_every=2", "logger=none", "chunk=2")
TILES = ("tile=64", "overlap=16")
CPU = torch.device("cpu")


@pytest.fixture
def large(tmp_path):
    """An RGB image file of 100 x 70 pixels: three tiles of 64 x 64 beside each other, two below."""
    return save_png(tmp_path / "large.png", smooth_image(3, 70, 100))


def tiling_of(folder, task="restoration", size=(70, 100), **changes):
    """The tiles of an image, and its problem."""
    config = config_of(task, **{"tile": 64, "overlap": 16, **changes})
    problem = problem_of(config, x=smooth_image(3, *size))
    share = config.holdout
    seen = problem.hold_out(share, torch.Generator().manual_seed(0)) if share else None
    return Tiling(config, problem, seen, None, folder, Identity({}, {}, "")), problem


@pytest.mark.parametrize(
    "task", ["denoising", "restoration", "inpainting", "sr", "deblurring", "demosaicing"]
)
def test_tiles_see_their_part_of_the_one_observation(task, tmp_path):
    changes = {"factor": 2} if task == "sr" else {}
    tiling, whole = tiling_of(tmp_path, task, holdout=0.2, **changes)
    step = whole.scale
    assert len(tiling.grid) == 4
    for tile in tiling.grid:
        part, _ = tiling._asked(tile)
        rows, columns = (
            slice(span.start // step, span.stop // step) for span in (tile.rows, tile.columns)
        )
        assert torch.equal(part.y, whole.y[..., rows, columns])
        if task != "sr":
            assert torch.equal(part.known, tiling.seen[..., rows, columns])
        if whole.mask is not None:
            assert torch.equal(part.mask, whole.mask[..., rows, columns])


def test_each_tile_has_weights_and_input_of_its_own(tmp_path):
    tiling, _ = tiling_of(tmp_path)
    parts = {f" tile {t.rows.start} {t.columns.start}": tiling._asked(t) for t in tiling.grid}
    fits = [build_prior(tiling.config, *asked, name) for name, asked in parts.items()]
    weights = [torch.cat([p.flatten() for p in fit.network.parameters()]) for fit in fits]
    for i in range(1, len(fits)):
        assert not torch.equal(fits[0].z, fits[i].z)
        assert not torch.equal(weights[0], weights[i])
    name = list(parts)[1]
    assert torch.equal(build_prior(tiling.config, *parts[name], name).z, fits[1].z)


@pytest.mark.parametrize("factor", [2, 3, 4, 7])
def test_sr_what_a_tile_cannot_know_is_left_out_of_its_loss(factor, tmp_path):
    side = 12 * factor + 64
    size, changes = (2 * side - 3, 2 * side - 5), {"tile": side, "overlap": 6 * factor}
    tiling, _ = tiling_of(tmp_path, "sr", size, factor=factor, **changes)
    assert len(tiling.grid) > 1
    for tile in tiling.grid:
        part, _ = tiling._asked(tile)
        own = part.A(part.x)  # extended by the tile's own border
        wrong = (own - part.y).abs().amax(1, keepdim=True) > 1e-5
        assert own.shape == part.y.shape
        assert wrong.any()  # so there is something to leave out
        assert not part.known[wrong].any()
        # Two rows or columns at each border inside the image, no more.
        above, below, left, right = tile.inside
        height, width = (
            size - 2 * (a + b)
            for size, a, b in zip(part.y.shape[2:], (above, left), (below, right), strict=True)
        )
        assert part.known.sum() == height * width
        for line, is_inside in zip(
            (tile.window[: 2 * factor], tile.window[-2 * factor :].flip(0)),
            (above, below),
            strict=True,
        ):
            assert bool((line == 0).all()) == is_inside


def seam(image, x, rows, columns):
    """Mean |jump| across lines, beyond that 2 and 3 pixels beside them, and beyond the truth's.

    In grey levels. What changes from pixel to pixel in the scene does so beside the line as well.
    """

    def excess(pixels, axis, line):
        jumps = 255 * pixels.diff(dim=axis).abs()
        beside = [jumps.select(axis, line - 1 + offset) for offset in (-3, -2, 2, 3)]
        return (jumps.select(axis, line - 1) - sum(beside) / 4).flatten()

    lines = [(2, row) for row in rows] + [(3, column) for column in columns]
    found = [excess(image, *line) - excess(x, *line) for line in lines]
    return float(torch.cat(found).mean())


def lines_of(spans, length):
    """Where tiles begin and end, and the middle between two of them."""
    ends = [at for span in spans for at in (span.start, span.stop) if 4 <= at <= length - 4]
    middles = [(a.stop + b.start) // 2 for a, b in pairwise(spans)]
    return ends, middles


@pytest.mark.slow
def test_seams_are_below_a_grey_level(dip, tmp_path):
    Image.fromarray(skimage.data.astronaut()[:130, 150:310]).save(tmp_path / "photo.png")
    arguments = ("task=restoration", "image=photo.png", "tile=96", "overlap=24", "iterations=60")
    arguments += ("lr=0.01", "average=0.9", "logger=none", "threads=1", "input_depth=8")
    arguments += ("output=average", "shown=0", "validation=0", "keep_known=false")
    network = [f"network.{part}=[16,16,16]" for part in ("down", "up")]
    status, _, _ = dip(
        *arguments, *network, "network.skip=[2,2,2]", "hydra.run.dir=out", tiny=False
    )
    assert status == 0
    x, grid = read(tmp_path / "photo.png", "image").pixels, cover((130, 160), 96, 24)
    assert len(grid) == 4
    restored = read(tmp_path / "out" / "restored.png", "image").pixels
    ends, middles = zip(lines_of(grid.rows, 130), lines_of(grid.columns, 160), strict=True)
    assert abs(seam(restored, x, *ends)) < 1
    assert abs(seam(restored, x, *middles)) < 1
    blended, cut = Mosaic((3, 130, 160)), torch.zeros_like(x)
    for number, tile in enumerate(grid):
        saved = checkpoint.read(tmp_path / f"out/tiles/{number:03}/last.ckpt")["state_dict"]
        blended.add(tile, saved["x_average"])
        rows, columns = (
            slice(span.start if i == 0 else middle, span.stop)
            for (i, middle), span in zip(
                ((tile.inside[0], middles[0][0]), (tile.inside[2], middles[1][0])),
                (tile.rows, tile.columns),
                strict=True,
            )
        )
        top, left = rows.start - tile.rows.start, columns.start - tile.columns.start
        cut[..., rows, columns] = saved["x_average"][..., top:, left:]
    assert torch.allclose(blended.image(), restored, atol=0.6 / 255)
    assert seam(cut, x, *middles) > 1.5  # the same fits, cut instead of blended


@pytest.mark.parametrize("task", ["denoising", "restoration", "inpainting", "sr"])
def test_the_result_folder_of_a_mosaic(dip, tmp_path, large, task):
    size = ("factor=2",) if task == "sr" else ()
    status, out, err = dip(
        f"task={task}", *size, f"image={large}", *TILES, *QUICK, "hydra.run.dir=out"
    )
    assert status == 0
    folder = tmp_path / "out"
    assert {path.name for path in folder.iterdir()} == {
        *("restored.png", "observed.png", "comparison.png", "history.csv", "metrics.json"),
        *(".hydra", "snapshots", "report.html", "tiles", ".lock", LISTING, "uncertainty.png"),
        *(("mask.png",) if task in {"restoration", "inpainting"} else ()),
    }
    assert "100 x 70 RGB in 4 tiles of 64 x 64" in out
    assert "tile 4/4, iteration 16/16" in err
    assert [run.folder for run in find_runs(folder.parent)] == [folder]  # a tile is no run
    metrics = read_metrics(folder)
    assert (metrics["status"], metrics["tiles"], metrics["iterations"]) == ("finished", 4, 4)
    assert metrics["size"] == [3, 70, 100]
    assert metrics["psnr_best"] is metrics["iteration_best"] is None  # of each tile another one
    assert metrics["baselines"][0]["psnr"] > 0
    with (folder / "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["iteration"] for row in rows] == ["4", "8", "12", "16"]
    assert np.mean([float(row["loss"]) for row in rows]) == pytest.approx(metrics["loss"])
    assert float(rows[-1]["seconds"]) == pytest.approx(metrics["seconds"])
    with Image.open(folder / "restored.png") as restored:
        assert restored.size == (100, 70)
    assert sorted(path.name for path in (folder / "snapshots").iterdir()) == [
        "000004.webp",
        "classical.png",
        "truth.png",
    ]


def test_a_blurred_image_in_tiles_keeps_its_frame(dip, tmp_path, large):
    kernel = ("kernel=motion", "length=5", "angle=0")
    command = ("task=deblurring", f"image={large}", *kernel, *TILES, *QUICK)
    assert dip(*command, "hydra.run.dir=out")[0] == 0
    metrics = read_metrics(tmp_path / "out")
    assert (metrics["size"], metrics["tiles"]) == ([3, 66, 96], 4)
    with Image.open(tmp_path / "out" / "restored.png") as restored:
        assert restored.size == (96, 66)


def test_what_no_tile_can_be_is_refused_before_the_fit(tmp_path):
    config = config_of("deblurring", tile=64, overlap=16, kernel="disk", blur_sigma=None, radius=34)
    problem = problem_of(config, x=smooth_image(1, 150, 150))
    with pytest.raises(UserError, match="kernel: is 69 x 69 pixels, expected at most 64 x 64"):
        Tiling(config, problem, None, None, tmp_path, Identity({}, {}, ""))


def test_the_observation_and_the_baselines_do_not_depend_on_tiles(dip, tmp_path, large):
    common = ("task=denoising", f"image={large}", *QUICK)
    assert dip(*common, "hydra.run.dir=whole")[0] == 0
    assert dip(*common, *TILES, "hydra.run.dir=tiles")[0] == 0
    one, two = tmp_path / "whole", tmp_path / "tiles"
    assert (one / "observed.png").read_bytes() == (two / "observed.png").read_bytes()
    for name in ("observed", "baselines"):
        first, second = read_metrics(one)[name], read_metrics(two)[name]
        for row in (first, second) if name == "observed" else (*first, *second):
            row.pop("seconds", None)
        assert first == second


def test_one_tile_is_the_whole_fit_bit_for_bit(dip, tmp_path, photo):
    common = ("task=denoising", f"image={photo}", *QUICK)
    assert dip(*common, "hydra.run.dir=whole")[0] == 0
    assert dip(*common, "tile=64", "hydra.run.dir=tile")[0] == 0
    one, two = tmp_path / "whole", tmp_path / "tile"
    assert (one / "restored.png").read_bytes() == (two / "restored.png").read_bytes()
    assert {path.name for path in one.iterdir()} == {path.name for path in two.iterdir()}
    first, second = (checkpoint.read(f / "last.ckpt")["state_dict"] for f in (one, two))
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert read_metrics(one)["tiles"] == read_metrics(two)["tiles"] == 1


def test_the_curve_has_a_row_for_each_tile(dip, tmp_path, large):
    assert dip("task=denoising", f"image={large}", *TILES, *QUICK, "hydra.run.dir=out")[0] == 0
    parts = [
        np.genfromtxt(path, delimiter=",", names=True)[-1]
        for path in sorted((tmp_path / "out" / "tiles").glob("*/history.csv"))
    ]
    whole = np.genfromtxt(tmp_path / "out" / "history.csv", delimiter=",", names=True)
    assert whole["iteration"].tolist() == [4, 8, 12, 16]
    for name in ("loss", "psnr", "psnr_average"):
        np.testing.assert_allclose(whole[name], [part[name] for part in parts], rtol=1e-6)
    np.testing.assert_allclose(whole["seconds"], np.cumsum([p["seconds"] for p in parts]), 1e-5)


def save_mask(path, holes, size=(70, 100)):
    m = np.full(size, 255, np.uint8)
    for rows, columns in holes:
        m[rows, columns] = 0
    Image.fromarray(m).save(path)


def test_a_tile_with_nothing_missing_is_copied(dip, tmp_path, large):
    save_mask(tmp_path / "m.png", [(slice(65, 69), slice(80, 90))])  # in the last tile only
    arguments = ("task=inpainting", f"observed={large}", "mask=m.png", "keep_known=true")
    assert dip(*arguments, *TILES, *QUICK, "hydra.run.dir=out")[0] == 0
    folder = tmp_path / "out"
    assert [path.name for path in (folder / "tiles").iterdir()] == ["003"]
    with Image.open(folder / "restored.png") as restored, Image.open(large) as photo:
        same = (np.asarray(restored) == np.asarray(photo)).all(2)
    assert same.sum() >= 70 * 100 - 100
    assert read_metrics(folder)["status"] == "finished"
    assert dip(*arguments[:3], *TILES, *QUICK, "hydra.run.dir=all")[0] == 0
    assert len(list((tmp_path / "all" / "tiles").iterdir())) == 4


def test_a_tile_without_a_known_pixel_names_one_that_has(dip, tmp_path, large):
    save_mask(tmp_path / "m.png", [(slice(0, 70), slice(0, 70))])
    arguments = ("task=restoration", f"observed={large}", "mask=m.png", *QUICK)
    status, _, err = dip(*arguments, *TILES, "hydra.run.dir=out")
    assert status == 1
    assert err == (
        "error: tile=64: the tile at row 0, column 0 has no known pixel; use tile=96 or more\n"
    )
    assert read_metrics(tmp_path / "out")["diagnosis"] == "nothing_known"
    assert dip(*arguments, "tile=96", "overlap=16", "hydra.run.dir=out")[0] == 0


def test_in_an_image_lower_than_a_tile_too(dip, tmp_path):
    photo = save_png(tmp_path / "low.png", smooth_image(3, 40, 200))
    save_mask(tmp_path / "m.png", [(slice(None), slice(0, 96))], size=(40, 200))
    arguments = ("task=inpainting", f"observed={photo}", "mask=m.png", *QUICK)
    status, _, err = dip(*arguments, "tile=96", "overlap=32", "hydra.run.dir=out")
    assert status == 1
    assert err == (
        "error: tile=96: the tile at row 0, column 0 has no known pixel; use tile=128 or more\n"
    )


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("overlap=16",), "error: overlap=16: needs tile=, the side of the tiles\n"),
        (("tile=32",), "error: tile=32: expected at least 64\n"),
        (("tile=64", "overlap=4"), "error: overlap=4: expected at least 8\n"),
        (("tile=64", "overlap=32"), "error: tile=64: expected more than twice overlap=32\n"),
        (
            ("task=sr", "factor=4", "tile=64", "overlap=20"),
            "error: overlap=20: expected at least 24 with this factor\n",
        ),
        (
            ("task=sr", "factor=8", "tile=64"),
            "error: tile=64: expected more than twice overlap=48\n",
        ),
    ],
)
def test_a_mistake_is_one_sentence(dip, tmp_path, photo, arguments, sentence):
    status, _, err = dip(f"image={photo}", *arguments, *QUICK)
    assert (status, err) == (2, sentence)
    assert not (tmp_path / "outputs").exists()


def test_an_input_image_is_cut_with_the_tiles(dip, tmp_path, large):
    arguments = ("task=denoising", f"image={large}", "input_type=image", *TILES, *QUICK)
    arguments += ("network.down=[4]", "network.up=[4]", "network.skip=[2]", "input_depth=3")
    arguments += ("threads=1",)
    assert dip(*arguments, f"input_image={large}", tiny=False)[0] == 0
    save_png(tmp_path / "small.png", smooth_image(3, 64, 64))
    status, _, err = dip(*arguments, "input_image=small.png", tiny=False)
    assert status == 1
    assert err == "error: input_image: is 64 x 64 pixels, expected 100 x 70\n"


def test_too_little_memory_names_a_tile_that_fits(dip, tmp_path, monkeypatch):
    Image.fromarray(np.zeros((600, 700), np.uint8)).save(tmp_path / "big.png")
    monkeypatch.setattr("dip_lightning.compute.memory.free_bytes", lambda _: 6e8)
    status, _, err = dip("image=big.png", *QUICK, "precision=float32", tiny=False)
    assert status == 1
    side = int(err.partition("use tile=")[2].partition(" ")[0])
    assert side % 32 == 0
    network = {"name": "skip", "generator": "skip"}
    config = config_of("denoising", network=network, input_depth=32)
    problem = Denoising(torch.zeros(1, 1, 8, 8)).problem
    check_memory(config, problem, (side, side), CPU)
    with pytest.raises(ValueError, match=f"use tile={side}"):
        check_memory(config, problem, (side + 32, side + 33), CPU)
