from dip_lightning.cli.checking import check, parse


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
