"""What people type elsewhere leads to what it is here."""

from dataclasses import fields

import pytest

from dip_lightning.cli import synonyms
from dip_lightning.cli.checking import GROUPS, check, parse
from dip_lightning.config import Config
from dip_lightning.errors import UserError


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("out=b", "out=b: unknown key out; did you mean hydra.run.dir?"),
        (
            "output=b.png",
            "output=b.png: choose one of combined, average, last; the folder of the result is",
        ),
        ("learning_rate=0.1", "unknown key learning_rate; did you mean lr?"),
        ("epochs=9", "did you mean iterations?"),
        ("iteration=9", "did you mean iterations?"),
        ("zzz=9", "unknown key zzz; choose one of"),
        ("gpu=true", "did you mean device?"),
        ("device=cuda", "device=cuda: choose one of auto, cpu, gpu"),
        ("logger=false", "logger=false: choose one of csv, none, wandb"),
        ("scale=2", "did you mean factor?"),
        ("noise_level=25", "did you mean sigma (noise to add) or discrepancy"),
        ("task=denoise", "task=denoise: did you mean denoising?"),
        ("--lr 0.01", "unrecognized arguments: --lr; use lr=..."),
        ("--learning-rate=0.01 task=sr", "did you mean lr?"),
        ("--gpu", "did you mean device?"),
        ("-m lr=0.1 device=cpu,cuda", "device=cuda: choose one of"),
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


def test_each_key_leads_to_one_that_is_there():
    ours = {*(entry.name for entry in fields(Config)), *GROUPS, "hydra.run.dir"}
    ours |= {"launcher.n_jobs", "search.n_trials"}
    assert {key.partition(" ")[0] for key in synonyms.OURS} <= ours


def test_no_key_of_ours_is_taken_for_another():
    assert not {*(entry.name for entry in fields(Config)), *GROUPS} & {*synonyms.KEYS}
