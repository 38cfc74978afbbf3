import numpy as np

from dip_lightning.runs.curve import read_curve


def test_a_history_that_is_being_written_loses_its_last_row_only(tmp_path):
    path = tmp_path / "history.csv"
    path.write_text("iteration,loss,psnr,seconds\n1,0.5,,2\n2,0.25,,3\n3,0.1")
    curve = read_curve(path)
    assert list(curve) == ["iteration", "loss", "seconds"]
    np.testing.assert_array_equal(curve["loss"], [0.5, 0.25])


def test_no_history_and_an_empty_one_are_no_mistake(tmp_path):
    path = tmp_path / "history.csv"
    assert read_curve(path) == {}
    path.write_text("")
    assert read_curve(path) == {}
    path.write_text("iteration,loss\n")
    assert read_curve(path) == {}
    path.write_text("iteration,loss\n1,zero\n")
    assert read_curve(path) == {}
    path.write_text("iteration,loss\n1\n2,0.5\n")
    assert read_curve(path) == {}


def test_a_number_that_is_being_written_is_no_number(tmp_path):
    path = tmp_path / "history.csv"
    path.write_text("iteration,loss\r\n1,0.5\r\n2,0.2")  # 0.25, it will be
    np.testing.assert_array_equal(read_curve(path)["loss"], [0.5])


def test_an_empty_cell_is_no_number_wherever_it_is(tmp_path):
    path = tmp_path / "history.csv"
    path.write_text("iteration,loss,psnr,seconds\n,9,9,9\n1,,,1\n,8,,8\n2,,20,\n3,0.5,,\n")
    curve = read_curve(path)
    np.testing.assert_array_equal(curve["iteration"], [1, 2, 3])
    np.testing.assert_array_equal(curve["loss"], [np.nan, np.nan, 0.5])
    np.testing.assert_array_equal(curve["psnr"], [np.nan, 20, np.nan])
    np.testing.assert_array_equal(curve["seconds"], [1, np.nan, np.nan])
