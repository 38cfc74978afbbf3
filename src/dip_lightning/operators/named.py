"""What a name such as my_module:MyBlur or blur.py:MyBlur stands for."""

import importlib
import importlib.util
import sys
from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path
from types import ModuleType
from typing import Any

from dip_lightning.errors import CodeError, UserError, said

EXPECTED = "expected module:name or file.py:name, such as my_module:MyBlur"


def find(name: str) -> Any:
    """Import what `operator=` names.

    Imports work from the working directory, and from the folder of a file.

    Args:
        name: module:name or file.py:name.

    Raises:
        UserError: there is no such module, file or name.
        CodeError: the module itself raises something.
    """
    where, _, what = name.rpartition(":")
    if not where or not all(part.isidentifier() for part in what.split(".")):
        raise UserError(f"operator={name}: {EXPECTED}")
    if is_file(name):
        found: Any = _load_file(Path(where).expanduser(), name)
    else:
        found = _load(where, name)
    place = getattr(found, "__file__", None) or where
    for part in what.split("."):
        if not hasattr(found, part):
            raise UserError(f"operator={name}: {place} has no {part}{_near(part, dir(found))}")
        found = getattr(found, part)
    if not callable(found):
        kind = type(found).__name__
        raise UserError(f"operator={name}: is of type {kind}, expected a class or a function")
    return found


def is_file(name: str) -> bool:
    """Say whether a name is a file's, not a module's."""
    return name.rpartition(":")[0].endswith(".py")


def absolute(name: str) -> str:
    """Write the name of a file so that it is found from any folder; a module's stays as it is."""
    if not is_file(name):
        return name
    where, _, what = name.rpartition(":")
    return f"{Path(where).expanduser().resolve()}:{what}"


def source(name: str) -> Path | None:
    """Return the file that `operator=` names; None where there is none.

    Args:
        name: see `find`.
    """
    where = name.rpartition(":")[0]
    if is_file(name):
        return Path(where).expanduser()
    _make_importable(Path.cwd())
    with suppress(ImportError, ValueError, AttributeError):
        spec = importlib.util.find_spec(where)
        if spec is not None and spec.has_location and spec.origin is not None:
            return Path(spec.origin)
    return None


def _load(where: str, name: str) -> ModuleType:
    _make_importable(Path.cwd())
    importlib.invalidate_caches()
    try:
        return importlib.import_module(where)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{where}.".startswith(f"{error.name}."):
            raise CodeError(f"operator={name}: importing {where} raised {said(error)}") from error
        near = _near(where, [path.stem for path in Path.cwd().glob("*.py")])
        raise UserError(
            f"operator={name}: no module {error.name}, neither installed nor in {Path.cwd()}{near}"
        ) from None
    except (Exception, SystemExit) as error:
        raise CodeError(f"operator={name}: importing {where} raised {said(error)}") from error


def _load_file(path: Path, name: str) -> ModuleType:
    if not path.is_file():
        raise UserError(f"operator={name}: no such file")
    _make_importable(path.resolve().parent)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None  # noqa: S101 - of a .py file there is one
    assert spec.loader is not None  # noqa: S101
    module = importlib.util.module_from_spec(spec)
    sys.modules.setdefault(path.stem, module)  # where dataclasses look for it
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise CodeError(f"operator={name}: importing {path} raised {said(error)}") from error
    return module


def _make_importable(folder: Path) -> None:
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))


def _near(what: str, known: list[str]) -> str:
    close = get_close_matches(what, [each for each in known if not each.startswith("_")], 1)
    return f"; did you mean {close[0]}?" if close else ""
