import pytest

from tests.faults import killing


@pytest.mark.slow
def test_killed_fits_end_as_those_that_were_not(monkeypatch, capfd):
    monkeypatch.setattr("sys.argv", ["killing", "--points", "3", "--seed", "1"])
    killing.main()
    assert capfd.readouterr().out.count("bit-identical") == 4
