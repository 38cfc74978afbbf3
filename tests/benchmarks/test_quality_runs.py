"""Cases of the quality benchmark that the command has computed."""

from dataclasses import replace

import pytest

from benchmarks import quality_fit, quality_runs
from dip_lightning.cli.main import main
from tests.benchmarks.test_quality_fit import SETTINGS, data  # noqa: F401 - a fixture

CASE = "half/house"


@pytest.fixture
def folder(data, tmp_path, monkeypatch):  # noqa: F811
    """Results of the command, by the study's name."""
    monkeypatch.chdir(tmp_path)
    more = ["+study=restoration_table1", "preset=fast", "image=bm3d11/house", "logger=none"]
    assert main([*more, *SETTINGS, "hydra.run.dir=runs"]) == 0
    return tmp_path / "runs"


def test_a_run_is_read_as_the_case_is_computed(folder, tmp_path):
    computed, _ = quality_fit.restored(CASE, SETTINGS, tmp_path / "out")
    found = quality_runs.find(CASE, SETTINGS, folder)
    assert found.seconds > 0
    approximate = {name: pytest.approx(psnr, abs=1e-4) for name, psnr in computed.classical.items()}
    assert found.classical == approximate
    assert found.highest == pytest.approx(computed.highest, abs=1e-4)
    same = {name: getattr(computed, name) for name in ("seconds", "classical", "highest")}
    for name in ("observed", "fit", "result"):
        assert getattr(found, name) == pytest.approx(getattr(computed, name), abs=1e-4)
        same[name] = getattr(computed, name)
    assert replace(found, **same) == computed


@pytest.mark.parametrize(
    ("case", "settings"),
    [
        ("half/hill", []),
        (CASE, ["seed=1"]),
        (CASE, ["precision=bfloat16"]),
        ("x4/bird", []),
    ],
)
def test_another_run_is_not_taken(case, settings, folder):
    with pytest.raises(quality_runs.NoRunError, match=case):
        quality_runs.find(case, [*SETTINGS, *settings], folder)


def test_other_hardware_is_another_run(folder, monkeypatch):
    monkeypatch.setattr(quality_runs.compute, "device_name", lambda _: "another")
    with pytest.raises(quality_runs.NoRunError, match="hardware"):
        quality_runs.find(CASE, SETTINGS, folder)
