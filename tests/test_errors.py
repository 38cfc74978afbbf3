import pytest

from dip_lightning.errors import CodeError, UserError, first_line, said, traceback_of


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (RuntimeError("\nno room left.\nstack: ..."), "no room left"),
        (KeyError("lr"), "'lr'"),
        (ValueError(), "ValueError"),
        (OSError(" \n"), "OSError"),
    ],
)
def test_first_line(error, line):
    assert first_line(error) == line


def test_a_sentence_stays_one_line():
    assert str(UserError("image=a\nb\x1b[31m: no such file")) == (
        r"image=a\nb\x1b[31m: no such file"
    )


def test_what_an_exception_says():
    assert said(KeyError("lr")) == "KeyError: 'lr'"


def test_a_traceback_begins_with_the_users_own_lines():
    def theirs():
        raise OSError("gone")

    try:
        try:
            theirs()
        except OSError as error:
            raise CodeError("operator=a:B: raised OSError: gone") from error
    except CodeError as error:
        lines = traceback_of(error).splitlines()
    assert "test_errors.py" in lines[1]
    assert lines[-1] == "OSError: gone"
    assert traceback_of(CodeError("no cause")) == "dip_lightning.errors.CodeError: no cause"
