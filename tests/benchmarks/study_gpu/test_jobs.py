import pytest

from benchmarks.study_gpu.jobs import PARTS, read_jobs
from dip_lightning.cli.checking import check, parse
from dip_lightning.errors import UserError
from dip_lightning.study.experiments import EXPERIMENTS


def test_jobs_are_those_of_the_experiments(study):
    jobs = read_jobs(study / "parts.yaml", ["max_side=12", "max_iterations=7"])
    assert [job.key.partition("-")[0] for job in jobs] == [
        "paper/set5_x4/image=bird",
        "paper/set5_x4/image=woman",
        "paper/denoising/job",
    ]
    assert jobs[0].command == (
        *("+study=sr_set5", "factor=4", "image=set5/bird", "max_side=12", "max_iterations=7"),
    )
    assert jobs[0].kind == "skip, adam, input 32, 12 x 12 RGB"
    assert {job.iterations for job in jobs} == {7}
    assert [job.missing for job in jobs] == [None, None, "image=color9/kodim01"]


def test_a_mask_may_be_missing(study):
    (study / "data/bm3d11").mkdir()
    (study / "data/set5/bird.png").rename(study / "data/bm3d11/house.png")
    (study / "parts.yaml").write_text("a/b: study=restoration_table1 image=bm3d11/house")
    (job,) = read_jobs(study / "parts.yaml")
    assert job.missing == "mask=bm3d11_masks/house"


def test_what_is_said_for_all_jobs_counts(study):
    jobs = read_jobs(study / "parts.yaml", ["factor=8", "image=set5/woman"])
    assert jobs[0].iterations == 4000
    assert {job.command[-1] for job in jobs} == {"image=set5/woman"}


def test_an_unknown_experiment_is_a_mistake(study):
    (study / "parts.yaml").write_text("a/b: study=nonsense")
    with pytest.raises(UserError, match="nonsense"):
        read_jobs(study / "parts.yaml")


def test_all_thirteen_experiments_are_there_as_published(study):
    jobs = read_jobs()
    studies = {job.command[0].partition("=")[2] for job in jobs}
    thirteen = {e.name for e in EXPERIMENTS if e.title[0].isdigit()}
    assert len(thirteen) == 13
    assert thirteen <= studies
    assert len({job.key for job in jobs}) == len(jobs) == 86
    assert sum(job.iterations for job in jobs if "denoising" not in job.part) == 411_000
    assert PARTS.read_text().index("set5_x8") < PARTS.read_text().index("fast/table1")


def test_a_command_is_one(study):
    job = read_jobs(study / "parts.yaml")[0]
    checked = check(parse(["-m", *job.command, "hydra.sweep.dir='a/image=b'"]))
    assert checked.sweep.total == 1
    assert str(checked.sweep_folder) == "a/image=b"
