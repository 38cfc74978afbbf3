import pytest

from benchmarks.study_gpu.jobs import Job
from benchmarks.study_gpu.pace import START, Pace


def job(kind: str = "known") -> Job:
    return Job("a", "b", (), "skip", kind, 1000)


def test_a_part_takes_its_iterations_or_its_starts():
    pace = Pace({"known": 0.02, "small": 0.001}, width=4)
    assert pace.fit(job()) == 20
    assert pace.total([job(), job()]) == 40
    assert pace.total([job("small")] * 8) == 8 * (START + 1) / 4
    assert pace.total([]) == 0
    assert pace.total([job(), job("other")]) is None


def test_fits_are_slower_in_company():
    pace = Pace({"known": 0.02}, width=4)
    assert pace.fits(job(), START + 80, 4)
    assert not pace.fits(job(), START + 79, 4)
    assert pace.fits(job(), START + 20, 1)
    assert pace.fits(job("other"), START, 4)
    assert not pace.fits(job("other"), START - 1, 4)


def test_finished_jobs_correct_it():
    pace = Pace({"known": 0.02}, width=4)
    for _ in range(8):
        pace.saw(job(), seconds=36, metrics={"seconds": 30.0})
    assert pace.start == 6
    assert pace.fits(job(), 36, 4)
    assert not pace.fits(job(), 35.9, 4)
    pace.saw(job(), seconds=1, metrics={})  # says nothing
    assert pace.start == pytest.approx(6)
