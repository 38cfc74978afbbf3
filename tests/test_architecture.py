"""House rules that no linter checks."""

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "dip_lightning"
MODULES = sorted(SOURCE.rglob("*.py"))
# Rooms (packages and modules) by floor, the lowest first. A room imports from lower floors only.
FLOORS = (
    ("dip_lightning", "errors", "limits", "signals", "files", "process_wide"),
    ("keys", "losses", "metrics", "operators", "optimizers", "baselines", "noise", "published"),
    ("generators", "images"),
    ("compute",),
    ("prior",),
    ("tasks", "outcome", "config"),
    ("building", "loading", "runs", "presets"),
    ("callbacks",),
    ("restoring", "dashboard", "study"),
    ("cli",),
    ("__main__",),
)
# Who may know of a framework; all others are plain Python and PyTorch.
KNOWN_BY = {
    "pytorch_lightning": {"prior", "callbacks", "restoring", "cli"},
    "lightning_fabric": {"restoring", "cli"},
    "hydra": {"cli"},
    "omegaconf": {"cli", "presets"},
    "wandb": {"callbacks", "dashboard", "cli"},
}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_functions_are_short(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            lines = (node.end_lineno - body[0].lineno + 1) if body else 0
            assert lines < 40, node.name


def test_every_module_has_a_test():
    tests = Path(__file__).parent
    have = {path.stem.removeprefix("test_") for path in tests.rglob("test_*.py")}
    # Tested through what uses them: the fit, the command, the package's own folder.
    through_others = {"__init__", "building", "given", "limits", "masked", "randomness", "settings"}
    assert {path.stem.strip("_") for path in MODULES} - have <= {
        name.strip("_") for name in through_others
    }


def name_of(path: Path) -> str:
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts) or "dip_lightning"


def imports_of(path: Path, modules: set[str]) -> Iterator[str]:
    """Name the modules of ours that a module imports, wherever in its text."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "write imports in full"
            inside = [f"{node.module}.{alias.name}" for alias in node.names]
            found = [name if name in modules else str(node.module) for name in inside]
        else:
            continue
        yield from found


def graph() -> dict[str, set[str]]:
    """What each module imports, ours without the name of the package."""
    names = {f"dip_lightning.{name_of(path)}": path for path in MODULES}
    return {
        name_of(path): {
            name.removeprefix("dip_lightning.") for name in imports_of(path, set(names))
        }
        for path in MODULES
    }


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_of_the_package_itself_only_its_version_is_used(path):
    """It has the names of all rooms: through it, a low one would reach a high one."""
    rooms = {room for floor in FLOORS for room in floor}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            assert "dip_lightning" not in {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module == "dip_lightning":
            assert {alias.name for alias in node.names} <= rooms | {"__version__"}


def test_no_import_goes_up_or_in_a_circle():
    found = graph()
    floors = {room: number for number, floor in enumerate(FLOORS) for room in floor}
    rooms = {name: name.partition(".")[0] for name in found}
    assert set(rooms.values()) == floors.keys()
    ours = {name: {other for other in found[name] if other in rooms} for name in found}
    up = {
        (name, other)
        for name, imported in ours.items()
        for other in imported
        if rooms[name] != rooms[other] and floors[rooms[name]] <= floors[rooms[other]]
    }
    assert not up
    try:
        TopologicalSorter(ours).prepare()
    except CycleError as error:
        pytest.fail(f"imports in a circle: {error.args[1]}")


def test_frameworks_are_known_where_they_are_needed():
    for name, imported in graph().items():
        for framework in {other.partition(".")[0] for other in imported} & KNOWN_BY.keys():
            assert name.partition(".")[0] in KNOWN_BY[framework], (name, framework)
