"""Searching for settings, with and without a ground truth."""

import csv

import pytest

from dip_lightning.cli.checking import check, parse
from dip_lightning.errors import UserError
from dip_lightning.runs.lock import locked

QUICK = ("preset=smoke", "iterations=2", "logger=none", "search=optuna")
HELD_OUT = ("holdout=0.2", "objective=psnr_holdout")


def trials(folder):
    import optuna
    from optuna.storages.journal import JournalFileBackend

    (journal,) = folder.glob("outputs/sweeps/*/optuna.journal")
    storage = optuna.storages.JournalStorage(JournalFileBackend(str(journal)))
    return optuna.load_study(study_name="dip_lightning", storage=storage).get_trials()


def test_a_search_goes_on(dip, tmp_path, photo):
    """No ground truth; four trials, then the same command with two more."""
    command = (*QUICK, "task=denoising", f"observed={photo}", *HELD_OUT)
    swept = ("-m", "lr=tag(log,interval(0.001,0.1))", "noise_std=0,0.05")
    status, out, err = dip(*command, *swept, "search.n_trials=4")
    assert status == 0, err
    assert out.count("  finished") == 4
    assert "best: lr=" in out
    first = trials(tmp_path)
    assert len({trial.params["lr"] for trial in first}) == 4
    top = f"{max(trial.value for trial in first):.3f}"
    assert f"(psnr_holdout {top})" in out
    assert f"objective: psnr_holdout {top}\n" in out
    assert out.count(", the best\n") == 1
    assert {f"[{number} of 4] lr=" in out for number in (1, 2, 3, 4)} == {True}
    (summary,) = tmp_path.glob("outputs/sweeps/*/sweep.csv")
    with summary.open() as file:
        scores = [float(row["objective"]) for row in csv.DictReader(file)]
    assert sorted(scores) == pytest.approx(sorted(trial.value for trial in first))
    assert all(trial.value > 0 for trial in first)
    assert dip(*command, *swept, "search.n_trials=4")[1].count("[1 of") == 0
    status, out, _ = dip(*command, *swept, "search.n_trials=6")
    assert status == 0
    assert out.count("  finished") == 6
    assert "[5 of 6] lr=" in out
    assert [t.params for t in trials(tmp_path)[:4]] == [t.params for t in first]


@pytest.mark.parametrize(("typed", "told"), [(None, 2), (5, 7)])
def test_the_sampler_draws_on_from_the_seed_that_was_typed(typed, told, tmp_path):
    import optuna
    from omegaconf import OmegaConf

    from dip_lightning.cli.sweeps import search

    journal = {
        "_target_": "optuna.storages.JournalStorage",
        "log_storage": {
            "_target_": "optuna.storages.journal.JournalFileBackend",
            "file_path": str(tmp_path / "journal"),
        },
    }
    sampler = {"seed": typed}
    sweeper = {"storage": journal, "study_name": "a", "sampler": sampler, "n_trials": 9}
    search.resume(OmegaConf.create(sweeper))
    backend = optuna.storages.journal.JournalFileBackend(str(tmp_path / "journal"))
    storage = optuna.storages.JournalStorage(backend)
    optuna.load_study(study_name="a", storage=storage).optimize(lambda trial: 1.0, n_trials=2)
    left = search.resume(OmegaConf.create(sweeper))
    assert left == (2, ["hydra.sweeper.n_trials=7", f"++hydra.sweeper.sampler.seed={told}"])


def test_a_trial_that_was_cut_short_is_tried_again(dip, tmp_path, photo):
    command = (*QUICK, "task=denoising", f"image={photo}", "-m", "lr=interval(0.001,0.1)")
    dip(*command, "search.n_trials=1")
    import optuna
    from optuna.distributions import FloatDistribution
    from optuna.storages.journal import JournalFileBackend

    (journal,) = tmp_path.glob("outputs/sweeps/*/optuna.journal")
    storage = optuna.storages.JournalStorage(JournalFileBackend(str(journal)))
    study = optuna.load_study(study_name="dip_lightning", storage=storage)
    cut = study.ask({"lr": FloatDistribution(0.001, 0.1)}).params
    status, out, _ = dip(*command, "search.n_trials=2")
    assert status == 0
    assert out.count("  finished") == 2
    found = trials(tmp_path)
    assert [trial.state.name for trial in found] == ["COMPLETE", "FAIL", "COMPLETE"]
    assert found[2].params == cut


def test_a_search_in_which_all_fails_is_one_sentence(dip, photo):
    command = (*QUICK, "task=sr", "factor=20", f"image={photo}", "-m", "lr=interval(0.001,0.1)")
    status, out, err = dip(*command, "search.n_trials=1")
    assert status == 1
    assert "error: search=optuna: No trials are completed yet" in err
    assert "Traceback" not in out + err


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("observed=x.png", "objective=psnr_average: needs a ground truth (image=)"),
        ("objective=psnr_holdout", "objective=psnr_holdout: needs holdout="),
        ("objective=loss", "objective=loss: choose one of psnr_average, psnr_result"),
        ("holdout=1", "holdout=1.0: expected at least 0, at most 0.9"),
        ("lr=interval(0.1,20)", "lr=20"),
        ("lr=tag(log,interval(-1,1))", "lr=-1"),
        ("search.trials=4", "hydra.sweeper.trials=4: "),
    ],
)
def test_mistakes_are_one_sentence(line, sentence):
    with pytest.raises(UserError) as error:
        check(parse(["task=denoising", "search=optuna", *line.split()]))
    assert sentence in str(error.value)
    assert "\n" not in str(error.value)


def test_one_search_at_a_time_in_a_folder(dip, tmp_path, photo):
    command = (*QUICK, "task=denoising", f"image={photo}", "-m", "noise_std=0,0.05")
    with locked(tmp_path / "mine"):
        status, _, err = dip(*command, "search.n_trials=1", "hydra.sweep.dir=mine")
    assert status == 2
    assert "mine: another process is working there; name another folder" in err
    assert dip(*command, "search.n_trials=1", "hydra.sweep.dir=mine")[0] == 0
