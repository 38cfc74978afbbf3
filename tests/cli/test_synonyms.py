"""What people type elsewhere leads to what it is here."""

import re
import shlex
from dataclasses import fields

import pytest

from dip_lightning.cli import synonyms
from dip_lightning.cli.checking import GROUPS, check, parse
from dip_lightning.config import Config
from dip_lightning.errors import UserError

SAMPLES = {
    "task": "sr",
    "network": "unet",
    "optimizer": "muon",
    "schedule": "constant",
    "precision": "float32",
    "recursive": "true",
    "tile": "64",
    "max_side": "64",
}


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("out=b", "out=b: unknown key out; use hydra.run.dir=b"),
        ("output=b.png", "output=b.png: choose average or last"),
        ("output=b.png", "the result folder is hydra.run.dir=b"),
        ("learning_rate=0.1", "learning_rate=0.1: unknown key learning_rate; use lr=0.1"),
        ("epochs=9", "use iterations=9"),
        ("gpu=true", "use device=gpu"),
        ("gpu=false", "use device=cpu"),
        ("gpu=0", "use device=gpu"),
        ("device=cuda", "device=cuda: use device=gpu"),
        ("device=cuda:0", "use device=gpu, with CUDA_VISIBLE_DEVICES=0 in front"),
        ("device=mps", "device=mps: use device=gpu"),
        ("wandb=false", "use logger=none"),
        ("wandb=true", "use logger=wandb"),
        ("logger=false", "logger=false: use logger=none"),
        ("scale=2", "use factor=2"),
        ("input=a.png", "use observed=a.png"),
        ("noise=25", "sigma= adds noise to a clean image="),
        ("task=denoise", "task=denoise: use task=denoising"),
        ("task=denoisin", "task=denoisin: did you mean denoising? choose one of"),
        ("mode=inpaint", "use task=inpainting"),
        ("--lr 0.01", "unrecognized arguments: --lr 0.01; use lr=0.01"),
        ("--learning-rate=0.01 task=sr", "use lr=0.01"),
        ("--gpu", "use device=gpu"),
        ("-m lr=0.1 device=cpu,cuda", "device=cuda: use device=gpu"),
    ],
)
def test_a_sentence_says_what_to_type(line, sentence):
    with pytest.raises(UserError) as error:
        check(parse(line.split()))
    assert sentence in str(error.value)


def test_a_bare_file_is_told_its_keys(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photo.png").touch()
    with pytest.raises(UserError, match=r"use observed=photo\.png for a damaged image"):
        parse(["photo.png"])


def accepted(text):
    """What a sentence says to type is a command that is taken."""
    (told,) = re.fullmatch(r"use (\S+)(?:, with .*)?", text).groups()
    needs = {"factor": ["task=sr"], "launcher.n_jobs": ["launcher=joblib"]}
    needs["search.n_trials"] = ["search=optuna", "image=camera"]
    check(parse([*needs.get(told.partition("=")[0], []), *shlex.split(told)]))
    return True


@pytest.mark.parametrize("typed", synonyms.KEYS)
def test_each_key_leads_to_one_that_is_there(typed):
    ours = synonyms.KEYS[typed]
    assert accepted(synonyms.for_key(typed, SAMPLES.get(ours, "1" if ours != "factor" else "2")))


@pytest.mark.parametrize("typed", synonyms.SWITCHES)
@pytest.mark.parametrize("value", ["true", "false"])
def test_each_switch_leads_to_a_value_that_is_there(typed, value):
    assert accepted(synonyms.for_key(typed, value))


@pytest.mark.parametrize(
    ("key", "typed"), [(key, typed) for key, values in synonyms.VALUES.items() for typed in values]
)
def test_each_value_leads_to_one_that_is_there(key, typed):
    assert accepted(synonyms.for_value(key, typed))


def test_each_value_is_looked_at():
    assert {*synonyms.VALUES, "output"} == {*synonyms.OFTEN_WRONG, "logger", "task"}


def test_no_key_of_ours_is_taken_for_another():
    ours = {*(entry.name for entry in fields(Config)), *GROUPS}
    assert not ours & {*synonyms.KEYS, *synonyms.SWITCHES, *synonyms.UNCLEAR}
    for entry in fields(Config):
        for choice in entry.metadata["choices"]:
            assert synonyms.for_value(entry.name, choice) is None
