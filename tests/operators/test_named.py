"""What a name of an operator stands for, and what is said where it stands for nothing."""

import sys

import pytest
from torch import nn

from dip_lightning.errors import CodeError, UserError
from dip_lightning.operators.named import absolute, find, source

DAMAGES = "tests.operators.damages"


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "blurring.py").write_text(
        "from dataclasses import dataclass\nimport beside\n\n"
        "@dataclass\nclass Blur:\n    n: int = 1\n"
    )
    (tmp_path / "beside.py").write_text("class Other:\n    class Inner:\n        pass\n")
    (tmp_path / "lacking.py").write_text("import nowhere_at_all\n")
    (tmp_path / "raising.py").write_text("raise SystemExit(3)\n")
    (tmp_path / "unfinished.py").write_text("def f(:\n")
    yield
    for name in ("blurring", "beside"):
        sys.modules.pop(name, None)


def test_a_module_of_the_working_directory_is_found():
    sys.path = [entry for entry in sys.path if entry]  # as the installed script begins
    assert find("blurring:Blur").__name__ == "Blur"
    assert find("beside:Other.Inner").__name__ == "Inner"
    assert find("torch.nn:Identity") is nn.Identity


def test_a_file_is_found_with_those_beside_it(tmp_path, monkeypatch):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert find("../blurring.py:Blur")().n == 1
    (tmp_path / "blurring.py").write_text("def Blur(x):\n    return x\n")
    assert find("../blurring.py:Blur")(4) == 4  # as it is now


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("blurring", "expected module:name or file.py:name, such as my_module:MyBlur"),
        ("blurring:", "expected module:name"),
        (":Blur", "expected module:name"),
        ("blurring:Blur()", "expected module:name"),
        ("bluring:Blur", "no module bluring, neither installed nor in .*; did you mean blurring"),
        ("nowhere.inner:Blur", "no module nowhere, neither"),
        ("blurring:Blurr", "blurring.py has no Blurr; did you mean Blur"),
        ("no.py:Blur", "no such file"),
        (f"{DAMAGES}:value", "is of type int, expected a class or a function"),
        ("lacking:f", "importing lacking raised ModuleNotFoundError: No module named 'nowhere_at"),
        ("raising:f", "importing raising raised SystemExit: 3"),
        ("raising.py:f", "importing raising.py raised SystemExit: 3"),
        ("unfinished:f", "importing unfinished raised SyntaxError: invalid syntax"),
    ],
)
def test_a_name_that_stands_for_nothing_is_a_sentence(name, said):
    with pytest.raises(UserError, match=said) as error:
        find(name)
    assert str(error.value).startswith(f"operator={name}: ")
    assert isinstance(error.value, CodeError) == ("raised" in said)


def test_the_source_of_a_module_and_of_a_file(tmp_path):
    assert source("blurring:Blur") == tmp_path / "blurring.py"
    assert source("blurring.py:Blur").resolve() == tmp_path / "blurring.py"
    assert source("nowhere.inner:Blur") is None
    assert source("itertools:chain") is None


def test_a_file_is_found_from_anywhere(tmp_path):
    assert absolute("blurring.py:Blur") == f"{tmp_path / 'blurring.py'}:Blur"
    assert absolute("blurring:Blur") == "blurring:Blur"
