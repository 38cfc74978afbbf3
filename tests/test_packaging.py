"""A wheel must carry conf/, and run where there is no checkout."""

import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_wheel_finds_its_configuration(tmp_path):
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel"]
    subprocess.run(
        [*build, "--directory", str(tmp_path)], check=True, capture_output=True, cwd=ROOT
    )
    (wheel,) = tmp_path.glob("*.whl")
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    conf = {path.relative_to(ROOT) for path in (ROOT / "conf").rglob("*.yaml")}
    assert {
        path.relative_to(site / "dip_lightning") for path in site.rglob("conf/**/*.yaml")
    } == conf
    app = {path.name for path in (ROOT / "src/dip_lightning/dashboard/app").iterdir()}
    assert {path.name for path in (site / "dip_lightning/dashboard/app").iterdir()} == app
    code = f"import sys; sys.path.insert(0, {str(site)!r}); import dip_lightning.cli.main as m; "
    code += f"assert m.__file__.startswith({str(site)!r}); sys.exit(m.main(['--cfg', 'job']))"
    ran = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=tmp_path
    )
    assert "task: denoising" in ran.stdout
