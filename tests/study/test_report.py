import csv
import json

import torch

from dip_lightning.study.__main__ import main
from tests.conftest import save_png


def test_a_section_for_each_experiment_with_tables_and_figures(result, tmp_path, capsys):
    result("a")
    result("b", image="boat", psnr=28.0)
    (result("broken") / "metrics.json").write_text('{"status": "failed", "error": "no good"}')
    result("c", study="inpainting_noise_std", noise_std=0.1)
    result("d", study="mine")
    target = tmp_path / "report"
    assert main(["report", str(tmp_path / "outputs"), "--to", str(target)]) == 0
    assert (
        "3 experiments (inpainting_noise_std, restoration_table1, mine)" in capsys.readouterr().out
    )
    text = (target / "report.md").read_text()
    places = [text.index(title) for title in ("## 5. Noise", "## 11. Half", "## mine")]
    assert places == sorted(places)
    assert "| house | 39.16 | 34.58 | 38.87 | 35.70 | 30.00 | 31.00 | 31.00 | 32.00 |" in text
    assert "Published: Ulyanov et al. 2018, table 1" in text
    assert "budget cpu (at most 600 iterations): 600 iterations, 8 x 6 pixels; seed 0;" in text
    assert "| house |  | 1 | 5.0 dB from 390 | 10 |" in text
    assert "Not shown, 1 of 3 jobs: broken (failed: no good)." in text
    with (target / "restoration_table1.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 22
    for line in text.splitlines():
        if line.startswith("!["):
            assert (target / line.partition("](")[2][:-1]).is_file()


def test_budgets_are_never_mixed(result, tmp_path):
    result("a", psnr=30.0)
    result("b", psnr=20.0, budget="smoke", max_iterations=3)
    result("c", psnr=10.0, max_iterations=9)
    target = tmp_path / "report"
    assert main(["report", str(tmp_path / "outputs"), "--to", str(target)]) == 0
    text = (target / "report.md").read_text()
    for limits, psnr in (
        ("cpu (at most 600 iterations)", "30.00"),
        ("smoke (at most 3 iterations)", "20.00"),
        ("cpu (at most 9 iterations)", "10.00"),
    ):
        after = text.partition(f"budget {limits}")[2]
        assert f"| 35.70 | {psnr} |" in after.partition("budget")[0]
    assert (target / "restoration_table1_3_curves.png").is_file()


def test_drops_are_seen_at_every_iteration_where_they_were_recorded(result, tmp_path):
    folder = result("a")
    rows = [f"{t},0.01,{30 - 4 * (t == 105)}" for t in range(1, 200)]
    (folder / "diagnostics.csv").write_text("\n".join(["iteration,loss,psnr", *rows]))
    target = tmp_path / "report"
    main(["report", str(folder), "--to", str(target)])
    assert "| house |  | 1 | 4.0 dB from 55 | 1 |" in (target / "report.md").read_text()


def test_one_damaged_result_does_not_end_the_report(result, tmp_path, capsys):
    folder = result("a")
    (folder / "snapshots" / "truth.png").unlink()
    save_png(folder / "snapshots" / "000001.webp", torch.full((1, 1, 6, 8), 0.5))
    (result("b", image="boat") / "diagnostics.csv").write_text("")
    target = tmp_path / "report"
    assert main(["report", str(tmp_path / "outputs"), "--to", str(target)]) == 0
    assert "truth.png: No such file" in capsys.readouterr().err
    text = (target / "report.md").read_text()
    assert "b (diagnostics.csv cannot be read)" in text
    assert "restoration_table1_stages.png" in text


def test_nothing_found_is_a_sentence(tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    assert main(["report", str(tmp_path / "empty")]) == 1
    assert "holds no job of a study" in capsys.readouterr().err
    assert main(["report", str(tmp_path / "nowhere")]) == 2
    assert "nowhere: no such folder" in capsys.readouterr().err


def test_figures_come_as_png_svg_and_pdf(result, tmp_path):
    result("a")
    target = tmp_path / "report"
    assert main(["report", str(tmp_path / "outputs"), "--to", str(target)]) == 0
    shown = {path.stem for path in target.glob("*.png")}
    assert "restoration_table1_curves" in shown
    for suffix in ("svg", "pdf"):
        assert {path.stem for path in target.glob(f"*.{suffix}")} == shown


def test_two_machines_have_two_tables(result, tmp_path):
    result("a")
    folder = result("b", image="boat")
    metrics = json.loads((folder / "metrics.json").read_text())
    (folder / "metrics.json").write_text(json.dumps({**metrics, "device_name": "another"}))
    main(["report", str(tmp_path / "outputs"), "--to", str(tmp_path / "report")])
    text = (tmp_path / "report" / "report.md").read_text()
    assert "a computer, float32; 1 jobs" in text
    assert "another, float32; 1 jobs" in text


def report(tmp_path):
    status = main(["report", str(tmp_path / "outputs"), "--to", str(tmp_path / "report")])
    return status, tmp_path / "report"


def test_a_study_of_lists_and_odd_names_is_reported(result, tmp_path):
    for number, down in enumerate(([16, 16], [32, 32])):
        network = {"name": "skip", "down": down}
        result(f"j{number}", study="mine", image="$5_$x^", network=network)
    result("piped", study="other", image="a|b")
    status, target = report(tmp_path)
    assert status == 0
    text = (target / "report.md").read_text()
    assert "$5_$x^" in text
    assert "| a\\|b | " in text


def test_a_result_without_its_images_keeps_its_numbers(result, tmp_path):
    result("a")
    for folder in (result("b", image="boat", psnr=28.0), result("c", study="mine")):
        for name in ("observed", "restored"):
            (folder / f"{name}.png").unlink()
    status, target = report(tmp_path)
    assert status == 0
    text = (target / "report.md").read_text()
    assert "| boat | " in text
    assert "Not shown" not in text
    assert (target / "restoration_table1_strip.png").is_file()
    assert not (target / "mine_strip.png").exists()


def test_files_of_the_users_stay(result, tmp_path, capsys):
    result("a")
    assert report(tmp_path)[0] == report(tmp_path)[0] == 0  # over its own
    for name in ("report.md", "restoration_table1.csv", "restoration_table1_curves.svg"):
        path = tmp_path / "report" / name
        before = path.read_bytes()
        path.write_text("my thesis")
        assert report(tmp_path)[0] == 1
        assert f"{name}: " in capsys.readouterr().err
        assert path.read_text() == "my thesis"
        path.write_bytes(before)
