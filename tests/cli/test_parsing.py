from dip_lightning.cli.checking import check, parse


def test_multirun_flag_may_stand_anywhere():
    command = check(parse(["task=sr", "factor=8", "-m", "lr=0.01,0.001"]))
    assert command.arguments[0] == "--multirun"
    assert {"task=sr", "factor=8", "lr=0.01,0.001"} <= set(command.arguments)


def test_none_of_a_wandb_agent_is_null():
    assert "chunk=null" in check(parse(["chunk=None"])).overrides
