"""House rules that no linter checks."""

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "dip_lightning"
MODULES = sorted(SOURCE.rglob("*.py"))
PLAIN = ("operators/", "generators/", "losses", "metrics", "baselines", "images/", "compute")


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_modules_and_functions_are_short(path):
    text = path.read_text()
    assert len(text.splitlines()) < 300
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            lines = (node.end_lineno - body[0].lineno + 1) if body else 0
            assert lines < 40, node.name


def test_every_module_has_a_test():
    tests = Path(__file__).parent
    have = {path.stem.removeprefix("test_") for path in tests.rglob("test_*.py")}
    # Tested through what uses them: the fit, the command, the package's own folder.
    through_others = {"__init__", "errors", "given", "fitting", "manual", "masked", "rerun"}
    assert {path.stem.strip("_") for path in MODULES} - have <= {
        name.strip("_") for name in through_others
    }


def test_the_method_knows_nothing_of_the_suite_around_it():
    for path in MODULES:
        name = str(path.relative_to(SOURCE))
        if not name.startswith(PLAIN):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            imported = []
            if isinstance(node, ast.Import):
                imported = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                imported = [node.module or ""]
            for module in imported:
                assert module.split(".")[0] not in {
                    "pytorch_lightning",
                    "hydra",
                    "omegaconf",
                    "wandb",
                }
                assert not module.startswith(("dip_lightning.tasks", "dip_lightning.config")), name
