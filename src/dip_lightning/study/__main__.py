"""`python -m dip_lightning.study report FOLDER...`."""

import argparse
import sys
from pathlib import Path

from dip_lightning.files import reason


def main(argv: list[str] | None = None) -> int:
    """Run the command line.

    Returns:
        Exit status: 0; 1 if no result was found; 2 for a mistake on the command line.
    """
    parser = argparse.ArgumentParser("python -m dip_lightning.study")
    commands = parser.add_subparsers(dest="command", required=True)
    report = commands.add_parser("report", help="tables and figures of the experiments found")
    report.add_argument("folders", nargs="+", type=Path, help="where results are, such as outputs")
    report.add_argument("--to", type=Path, default=Path("outputs/study"), help="folder to write")
    given = parser.parse_args(argv)
    missing = [folder for folder in given.folders if not folder.is_dir()]
    if missing:
        print(f"error: {missing[0]}: no such folder", file=sys.stderr)
        return 2
    try:
        from dip_lightning.study.report import write_report  # noqa: PLC0415
    except ModuleNotFoundError as error:
        print(f"error: {error.name}: install dip-lightning[study]", file=sys.stderr)
        return 2
    try:
        names = write_report(given.folders, given.to)
    except OSError as error:
        print(f"error: {error.filename or given.to}: {reason(error)}", file=sys.stderr)
        return 1
    if not names:
        listed = ", ".join(map(str, given.folders))
        print(f"error: {listed}: holds no job of a study", file=sys.stderr)
        return 1
    print(f"{len(names)} experiments ({', '.join(names)}): {given.to / 'report.md'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
