import pytest

from dip_lightning.errors import UserError, first_line


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
