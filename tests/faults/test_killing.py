import subprocess
import sys

import pytest

from tests.conftest import ROOT


@pytest.mark.slow
def test_killed_fits_end_as_those_that_were_not():
    command = [sys.executable, "-m", "tests.faults.killing", "--points", "3", "--seed", "1"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert ran.stdout.count("bit-identical") == 4
