"""Blur kernels from files."""

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image

from dip_lightning.errors import UserError
from dip_lightning.images import read_kernel

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
        ("k.npy", np.arange(3), r"k.npy: holds int64 of shape \(3,\), expected rows of numbers"),
        ("k.npy", b"PK\x03\x04", "k.npy: holds no numbers in rows"),
        ("k.npy", b"\x93NUMPY", "k.npy: holds no numbers in rows"),
        ("k.txt", b"1 2\n3", "k.txt: holds no numbers in rows"),
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


def test_nothing_in_a_file_is_run(tmp_path):
    np.save(tmp_path / "k.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(UserError, match=r"k.npy: holds no numbers in rows"):
        read_kernel(tmp_path / "k.npy")
