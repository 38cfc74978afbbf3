"""The quality benchmark's images: their names, and what is published of them."""

import pytest

from benchmarks.quality_sets import SETS, chosen
from dip_lightning.errors import UserError


def test_cases_are_chosen_by_set_and_by_name_each_once():
    assert chosen(["x8/bird", "camera", "x8/bird"]) == [
        "x8/bird",
        *(f"camera/{image}" for image in SETS["camera"].images),
    ]


def test_no_name_means_all():
    counts = [sum(case.startswith(f"{name}/") for case in chosen([])) for name in SETS]
    assert counts == [11, 5, 5, 5, 5, 5, 6, 5, 16, 16, 5, 5, 5]
    assert chosen([])[-2:] == ["peer/house", "peer/f16"]


@pytest.mark.parametrize(
    ("name", "said"),
    [("quarter", "choose set or set/image of half, x4,"), ("x4/house", "choose one of baby, bird")],
)
def test_an_unknown_name_is_told_the_known_ones(name, said):
    with pytest.raises(ValueError, match=f"{name}: .*{said}"):
        chosen([name])


@pytest.mark.parametrize(
    ("name", "method", "mean"),
    [
        ("half", "DIP, published", 33.48),
        ("half", "DIP, the study (oracle)", 33.57),
        ("half", "Self2Self", 35.14),
        ("x4", "DIP, published", 29.90),
        ("x4", "LapSRN (trained), published", 31.58),
        ("x8", "DIP, published", 25.89),
        ("x8", "LapSRN (trained), published", 26.10),
        ("sigma25", "CBM3D, published", 30.84),
        ("camera", "MCWNNM", 36.33),
    ],
)
def test_published_means_are_those_of_the_papers(name, method, mean):
    assert SETS[name].means()[method] == pytest.approx(mean, abs=0.0101)


def test_a_set_needs_both_files_of_a_real_pair(monkeypatch, tmp_path):
    monkeypatch.setenv("DIP_DATA", str(tmp_path))
    (tmp_path / "real_noise").mkdir()
    damaged, truth = (tmp_path / "real_noise" / f"d600_iso3200_2_{k}.png" for k in ("real", "mean"))
    damaged.touch()
    with pytest.raises(UserError, match="d600_iso3200_2_mean"):
        SETS["camera"].check("d600_iso3200_2")
    truth.touch()
    SETS["camera"].check("d600_iso3200_2")
