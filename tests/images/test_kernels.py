"""Blur kernels from files."""

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image

from dip_lightning.errors import UserError
from dip_lightning.images import read_kernel, understood_kernel

STORED = np.array([[0, 1, 2], [3, 4, 0], [5, 0, 1]])


def save(path, values=STORED):
    match path.suffix:
        case ".npy":
            np.save(path, values)
        case ".txt":
            np.savetxt(path, values)
        case ".csv":
            np.savetxt(path, values, delimiter=", ", fmt="%g")
        case ".tif":
            tifffile.imwrite(path, values.astype(np.float32))
        case _:
            Image.fromarray(values.astype(np.uint8)).save(path)
    return path


@pytest.mark.parametrize("name", ["k.png", "k.tif", "k.npy", "k.txt", "k.csv", "K.NPY"])
def test_a_file_is_read_and_normalised(tmp_path, name):
    kernel = read_kernel(save(tmp_path / name.lower()).rename(tmp_path / name))
    torch.testing.assert_close(kernel, torch.from_numpy(STORED / 16).float())


def test_a_gray_image_may_be_stored_in_colour(tmp_path):
    path = save(tmp_path / "k.png", np.stack([STORED] * 3, axis=2))
    torch.testing.assert_close(read_kernel(path), torch.from_numpy(STORED / 16).float())


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("k.png", np.eye(3)[..., None] * [255, 0, 0], "k.png: is coloured, expected one gray"),
        ("k.png", np.zeros((3, 3)), "k.png: holds only zeros"),
        ("k.npy", -STORED, "k.npy: holds a value of -5"),
        ("k.npy", STORED.astype(complex), "k.npy: holds complex128 of shape"),
        ("k.npy", np.arange(3), r"k.npy: is of shape \(3,\), expected \(height, width\)"),
        ("k.npy", b"PK\x03\x04", "k.npy: holds no numbers in rows"),
        ("k.npy", b"\x93NUMPY", "k.npy: holds no numbers in rows"),
        ("k.npy", np.array([[1, np.inf], [0, 1]]), "k.npy: holds values that are not numbers"),
        ("k.tif", np.array([[1, np.nan], [0, 1]]), "k.tif: holds values that are not numbers"),
        ("k.txt", b"1 2\n3", "k.txt: holds no numbers in rows"),
        ("k.txt", b"1, 2; 3, 4", "k.txt: holds no numbers in rows"),
        ("k.txt", b"0,5 0,25\n0,5 0,25", "k.txt: holds no numbers in rows"),
        ("k.txt", b"\xff\xfe", "k.txt: holds no numbers in rows"),
        ("k.txt", b"", "k.txt: the file is empty"),
        ("k.png", b"PNG", "k.png: not an image that can be read"),
        ("k.png", None, "k.png: no such file"),
    ],
)
def test_what_is_no_kernel_is_a_sentence(tmp_path, name, content, said):
    if isinstance(content, bytes):
        (tmp_path / name).write_bytes(content)
    elif content is not None:
        save(tmp_path / name, content)
    with pytest.raises(UserError, match=said):
        read_kernel(tmp_path / name)


@pytest.mark.parametrize(
    "text",
    [
        "0,5;0,25\n0;0,25",
        "\ufeff0.5,0.25\r\n0,0.25\r\n",
        "# a tool, of version 2;\n0.5\t0.25\n\n0 0.25",
        "0.5; 0.25\n0; 0.25",
    ],
)
def test_numbers_are_written_in_several_ways(tmp_path, text):
    (tmp_path / "k.csv").write_text(text, encoding="utf-8", newline="")
    expected = torch.tensor([[0.5, 0.25, 0], [0, 0.25, 0], [0, 0, 0]])
    torch.testing.assert_close(read_kernel(tmp_path / "k.csv"), expected)


@pytest.mark.parametrize("axes", [(0,), (0, 1)])
def test_leading_axes_do_not_count(tmp_path, axes):
    expected = torch.from_numpy(STORED / 16).float()
    np.save(tmp_path / "k.npy", np.expand_dims(STORED, axes))
    torch.testing.assert_close(read_kernel(tmp_path / "k.npy"), expected)
    assert understood_kernel(np.ones((1, 5, 3))).shape == (5, 3)


def test_a_row_of_a_colour_image_is_a_row(tmp_path):
    path = save(tmp_path / "k.png", np.ones((1, 5, 3)))
    assert read_kernel(path).shape == (1, 5)


def test_the_last_axis_may_hold_channels():
    torch.testing.assert_close(
        understood_kernel(np.stack([STORED] * 3, axis=2)), torch.from_numpy(STORED / 16).float()
    )
    with pytest.raises(UserError, match=r"kernel: is of shape \(5, 5, 5\), expected \(height, "):
        understood_kernel(np.ones((5, 5, 5)))


def test_nothing_in_a_file_is_run(tmp_path):
    np.save(tmp_path / "k.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(UserError, match=r"k.npy: holds no numbers in rows"):
        read_kernel(tmp_path / "k.npy")


def test_opacity_of_an_array_does_not_count():
    gray = np.random.default_rng(0).integers(1, 200, (5, 7, 1), dtype=np.uint8)
    opaque = np.full_like(gray, 255)
    found = understood_kernel(np.concatenate([gray, gray, gray, opaque], 2))
    assert torch.equal(found, understood_kernel(gray[..., 0]))
