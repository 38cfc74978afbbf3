import pytest

from dip_lightning.cli.sweeps.planning import planned
from tests.conftest import TINY, save_png, smooth_image

QUICK = ("task=denoising", "preset=smoke", "iterations=1", "logger=none", "hydra.sweep.dir=sweep")


def test_values_are_typed():
    texts = ["lr=0.1,1e-3", "network=skip", "network.down=[4,4],[8]", "mask=null,'a b.png'"]
    found = planned(texts, {"lr", "network.down", "mask"})
    assert len(found) == 8
    values = list(found.values())
    assert values[0] == {"lr": 0.1, "network.down": [4, 4], "mask": None}
    assert values[-1] == {"lr": 0.001, "network.down": [8], "mask": "a b.png"}


def test_of_keys_that_the_arguments_do_not_name_nothing_is_known():
    assert planned(["hydra.sweeper.params.lr='1,2'", "seed=1,2"], {"seed"}) == {}


@pytest.mark.parametrize(
    "swept",
    [
        ("lr=0.01,1e-3", "seed=range(3)"),
        ("seed=1", "lr=0.010"),
        ("image='a, (1).png',b.png", "network.skip=[4,4,4,4,4],[2,2,2,2,2]"),
        ("observed=scans", "seed=1,2"),
        ("network=skip,unet", "lr=choice(0.1,0.2)"),
    ],
    ids=lambda texts: texts[0],
)
def test_folders_are_those_that_the_jobs_get(dip, tmp_path, monkeypatch, swept):
    (tmp_path / "scans").mkdir()
    for name in ("a, (1).png", "b.png", "scans/c.png"):
        save_png(tmp_path / name, smooth_image(1, 9, 11))
    if not any(text.startswith(("image=", "observed=")) for text in swept):
        swept = (*swept, "image=b.png")
    options = () if any(text.startswith("network") for text in swept) else TINY
    told = []
    monkeypatch.setattr("dip_lightning.cli.jobs.planned", lambda *given: told.append(given) or {})
    err = dip(*QUICK, *swept, *options, "-m", tiny=False)[2]
    assert told, err
    made = {path.name for path in (tmp_path / "sweep").iterdir() if path.is_dir()} - {"all"}
    assert planned(*told[0]).keys() == made
