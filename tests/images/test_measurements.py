"""What was measured is read as numbers, of any shape."""

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image

from dip_lightning.errors import UserError
from dip_lightning.images import read_measured
from tests.conftest import stored_array
from tests.images.profiles import DISPLAY_P3


def saved(path, values):
    match path.suffix:
        case ".npy":
            np.save(path, values)
        case ".npz":
            np.savez(path, y=values)
        case ".pt":
            torch.save(torch.from_numpy(values), path)
        case ".tif":
            tifffile.imwrite(path, values)
        case _:
            Image.fromarray(values).save(path)
    return path


def measured(path):
    return read_measured(path, "observed")


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".pt"])
@pytest.mark.parametrize("dtype", ["float64", "complex128", "int16", "bool"])
def test_an_array_is_taken_as_it_is(tmp_path, suffix, dtype):
    values = (40 * np.random.default_rng(0).random((3, 1, 5))).astype(dtype)
    y, known, form, _ = measured(saved(tmp_path / f"y{suffix}", values))
    assert known is None
    assert y.dtype == (torch.complex64 if "complex" in dtype else torch.float32)
    np.testing.assert_allclose(y.numpy(), values, rtol=1e-6)
    assert (form.dtype, form.tiff) == ("float32", True)


def test_a_picture_lies_between_0_and_1(tmp_path):
    grey = np.arange(20, dtype=np.uint8).reshape(4, 5)
    y, known, form, _ = measured(saved(tmp_path / "y.png", grey))
    assert (y.shape, known, form.dtype, form.tiff) == ((1, 1, 4, 5), None, "uint8", False)
    torch.testing.assert_close(y[0, 0] * 255, torch.arange(20.0).reshape(4, 5))
    deep = grey.astype(np.uint16) * 1000
    assert measured(saved(tmp_path / "d.tif", deep))[2].high == (65535.0,)
    color = np.stack([grey] * 3, 2)
    assert measured(saved(tmp_path / "c.png", color))[0].shape == (1, 3, 4, 5)


def test_floats_of_a_tiff_are_taken_as_they_are(tmp_path):
    values = np.linspace(-3, 70, 20, dtype=np.float32).reshape(4, 5)
    y, _, form, _ = measured(saved(tmp_path / "y.tif", values))
    np.testing.assert_array_equal(y[0, 0].numpy(), values)
    assert form.dtype == "float32"


def test_what_is_not_finite_is_not_known(tmp_path):
    values = np.ones((4, 5), complex)
    values[1, 2], values[3, 3] = np.nan, complex(0, np.inf)
    y, known, _, _ = measured(saved(tmp_path / "y.npy", values))
    assert (1 - known).nonzero().tolist() == [[1, 2], [3, 3]]
    assert y.isfinite().all()


def test_opacity_is_no_value(tmp_path):
    pixels = np.full((4, 5, 4), 255, np.uint8)
    assert measured(saved(tmp_path / "y.png", pixels))[0].shape == (1, 3, 4, 5)
    pixels[0, 0, 3] = 7
    with pytest.raises(UserError, match=r"y\.png: is transparent in part"):
        measured(saved(tmp_path / "y.png", pixels))


def broken(path):
    match path.name:
        case "object.npy":
            np.save(path, np.array([{}]), allow_pickle=True)
        case "two.npz":
            np.savez(path, a=np.ones(3), b=np.ones(3))
        case "text.npy":
            np.save(path, np.array(["a"]))
        case "short.npy":
            np.save(path, np.ones(300))
            path.write_bytes(path.read_bytes()[:200])
        case "none.npy":
            np.save(path, np.ones((3, 0)))
        case "nan.npy":
            np.save(path, np.full(3, np.nan))
        case "dict.pt":
            torch.save({"y": torch.ones(3)}, path)
        case "code.pt":
            torch.save(np.random.default_rng, path)
        case _:
            path.write_bytes(b"junk")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("object.npy", "holds no array"),
        ("two.npz", "holds 2 arrays, expected one"),
        ("text.npy", "holds str32, expected numbers"),
        ("short.npy", "holds no array"),
        ("none.npy", r"holds nothing, shape .3, 0., expected numbers"),
        ("nan.npy", "holds no finite number"),
        ("dict.pt", "holds dict, expected a tensor"),
        ("code.pt", "holds no array"),
        ("junk.npy", "holds no array"),
        ("junk.npz", "holds no array"),
        ("junk.pt", "holds no array"),
        ("junk.png", "not an image that can be read"),
    ],
)
def test_what_holds_no_numbers_is_a_sentence(tmp_path, name, said):
    broken(tmp_path / name)
    with pytest.raises(UserError, match=f"^observed=.*{name}: {said}"):
        measured(tmp_path / name)


def test_what_came_with_a_picture_stays(tmp_path):
    Image.fromarray(stored_array(3, "uint8")).save(tmp_path / "y.png", icc_profile=DISPLAY_P3)
    assert measured(tmp_path / "y.png")[3].icc == DISPLAY_P3
