import pytest

from dip_lightning.cli.checking import check, parse
from tests.conftest import save_png, smooth_image


def test_multirun_flag_may_stand_anywhere():
    command = check(parse(["task=sr", "factor=8", "-m", "lr=0.01,0.001"]))
    assert command.arguments[0] == "--multirun"
    assert {"task=sr", "factor=8", "lr=0.01,0.001"} <= set(command.arguments)


def test_an_operator_is_a_name_and_its_arguments():
    own = ["task=operator", "operator=a b.py:B", "operator.sigma=2", "operator.sides=[1,2]"]
    composed = check(parse(own)).first
    assert composed.operator == {"name": "a b.py:B", "sigma": 2, "sides": [1, 2]}
    sweep = check(parse(["task=operator", "-m", "operator=a:B,b:C", "operator.kind=x,y"]))
    assert sweep.values == {"operator.name": ["'a:B'", "'b:C'"], "operator.kind": ["x", "y"]}


def test_none_of_a_wandb_agent_is_null():
    assert "chunk=null" in check(parse(["chunk=None"])).overrides


@pytest.mark.parametrize(
    ("told", "count"),
    [
        (("recursive=yes",), 2),
        (("recursive=1",), 2),
        (("recursive=true", "recursive=false"), 1),
        ((), 1),
    ],
)
def test_subfolders_are_taken_where_that_was_said_last(tmp_path, told, count):
    (tmp_path / "in" / "below").mkdir(parents=True)
    for path in (tmp_path / "in" / "a.png", tmp_path / "in" / "below" / "b.png"):
        save_png(path, smooth_image(3, 9, 12))
    assert len(parse([f"observed={tmp_path / 'in'}", *told]).files) == count
