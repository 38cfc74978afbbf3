"""The command from its arguments to its exit status."""

import signal
import sys

from dip_lightning import signals
from dip_lightning.cli.process import (
    as_it_was,
    ended_by_signals,
    escape_unprintable,
    outlive_readers,
)
from dip_lightning.errors import CodeError, UserError, traceback_of

EXIT_USAGE = 2


def main(argv: list[str] | None = None) -> int:
    """Run the command line; whatever it sets for the process is set back.

    Args:
        argv: arguments; those of the process where they are not given.

    Returns:
        Exit status: 0; 1 if a job failed; 2 for a mistake on the command line; 128 plus the
        signal's number if one stopped it.
    """
    escape_unprintable()
    with as_it_was():
        try:
            with ended_by_signals():
                return _answer(_given(argv))
        except UserError as error:
            if isinstance(error, CodeError):
                print(traceback_of(error), file=sys.stderr)
            print(f"error: {error}", file=sys.stderr)
            return EXIT_USAGE
        except KeyboardInterrupt:
            return _stop(128 + signal.SIGINT)
        except SystemExit as end:
            return _stop(int(end.code or 0))


def _answer(arguments: list[str]) -> int:
    if {"-h", "--help"} & set(arguments):
        from dip_lightning.cli.manual import manual  # noqa: PLC0415

        print(manual())
        return 0
    if "--version" in arguments:
        from dip_lightning import __version__  # noqa: PLC0415

        print(__version__)
        return 0
    from dip_lightning.cli.jobs import run_command  # noqa: PLC0415 - --help does without Hydra

    return run_command(arguments)


def _given(argv: list[str] | None) -> list[str]:
    if argv is None:
        return sys.argv[1:]
    if isinstance(argv, str):  # a notebook's: checked by nobody
        raise UserError(f"main: expected a list, such as {argv.split()}")
    return [str(argument) for argument in argv]


def _stop(status: int) -> int:
    print("stopped before there was a result", file=sys.stderr)
    return status


def start() -> int:
    """Run the command line in a process of its own; see `main`."""
    signals.owns_process = True
    outlive_readers()
    return main()
