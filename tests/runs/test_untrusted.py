import math
import os

import pytest

from dip_lightning.runs.untrusted import plain, read_json, read_text, read_yaml

BOMB = "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n"


@pytest.mark.parametrize(
    "text",
    ["{", "", "[" * 200_000, "NaN,", "\x00", "1" * 5000],
    ids=["cut", "empty", "deep", "no", "zero", "long"],
)
def test_what_is_no_json_is_a_sentence(tmp_path, text):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(ValueError, match="is no JSON"):
        read_json(tmp_path / "a.json")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a: [", "no YAML"),
        ("a: !!bool what", "no YAML"),
        ("a: !!timestamp what", "no YAML"),
        ("a: 2001-99-99", "no YAML"),
        ("? [a]\n: b", "no YAML"),
        ("a: !!python/object/apply:os.getcwd []", "no YAML"),
        ("a: &a [*a]", "refers"),
        (BOMB, "refers"),
        ("[" * 200_000, "nested"),
        ("- " * 200_000, "nested"),
        ("\x00", "no YAML"),
    ],
)
def test_what_is_no_yaml_of_ours_is_a_sentence(tmp_path, text, sentence):
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(ValueError, match=sentence):
        read_yaml(tmp_path / "a.yaml")


def test_what_we_write_is_read(tmp_path):
    (tmp_path / "a.yaml").write_text("# a comment\nlr: 0.01\nnetwork:\n  name: skip\n")
    assert read_yaml(tmp_path / "a.yaml") == {"lr": 0.01, "network": {"name": "skip"}}
    (tmp_path / "a.json").write_text('{"psnr": 30.5}')
    assert read_json(tmp_path / "a.json") == {"psnr": 30.5}


def test_only_ordinary_files_of_text_are_read(tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(FileNotFoundError):
        read_text(tmp_path / "folder")
    if hasattr(os, "mkfifo"):  # a reader would wait for a writer
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(FileNotFoundError):
            read_text(tmp_path / "pipe")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match="is no text"):
        read_text(tmp_path / "binary")
    (tmp_path / "long").write_text("12345")
    with pytest.raises(ValueError, match="is larger"):
        read_text(tmp_path / "long", 4)


def test_values_are_plain():
    given = {
        "lr": 0.01,
        "down": [4, 4],
        "mask": None,
        "resume": True,
        "text": "x" * 9000,
        "large": math.inf,
        "exact": 2**60,
        "nested": {"a": 1},
        "deep": [[1]],
        "long": [0] * 5000,
        "bytes": b"",
        3: "number",
    }
    assert plain(given) == {
        "lr": 0.01,
        "down": [4, 4],
        "mask": None,
        "resume": True,
        "text": "x" * 5000,
        "large": "inf",
    }
