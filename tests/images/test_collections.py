"""Images by name; the published ones from a server on this machine."""

import hashlib
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from PIL import Image

from dip_lightning.errors import UserError
from dip_lightning.images import collections as datasets
from dip_lightning.images import read
from dip_lightning.images.collections import SAMPLES, Source, find_image, find_mask, sources
from tests.conftest import save_png, smooth_image


@pytest.mark.parametrize("name", SAMPLES)
def test_every_sample_ships_with_scikit_image(name):
    assert find_image(name).is_file()


def test_sample_is_read():
    assert read(find_image("chelsea"), "image").pixels.shape == (1, 3, 300, 451)


def test_collections_lie_in_dip_data(tmp_path, monkeypatch):
    (tmp_path / "set5").mkdir()
    path = save_png(tmp_path / "set5" / "bird.png", smooth_image(3, 8, 9))
    monkeypatch.setenv("DIP_DATA", str(tmp_path))
    assert find_image("set5/bird") == path
    assert find_image("set5/bird.png") == path
    with pytest.raises(UserError, match=r"set5/baby: no such file; .* in the folder DIP_DATA="):
        find_image("set5/baby")


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("nothing", r"image=nothing: no such file; .*astronaut.*set5.*DIP_DATA"),
        ("set5/nobody", r"image=set5/nobody: no such file; choose one of set5/baby, set5/bird"),
        ("mine/photo", r"image=mine/photo: no such file; .*DIP_DATA"),
    ],
)
def test_unknown_name_says_what_there_is(monkeypatch, name, sentence):
    monkeypatch.delenv("DIP_DATA", raising=False)
    with pytest.raises(UserError, match=sentence):
        find_image(name)


def test_every_published_image_has_address_and_checksum(monkeypatch):
    monkeypatch.delenv("DIP_MIRROR", raising=False)
    assert {name.partition("/")[0] for name in sources()} == {
        *("set5", "bm3d11", "bm3d11_masks", "study", "color9", "dip_inputs", "dip_outputs")
    }
    for source in sources().values():
        assert len(source.sha256) == 64
        assert len(source.commit) == 40
        assert source.address.startswith("https://raw.githubusercontent.com/")
    images = {name.partition("/")[2] for name in sources() if name.startswith("bm3d11/")}
    assert len(images) == 11
    assert all(f"bm3d11_masks/{name}" in sources() for name in images)


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.requests.append(self.path)
        mode, body = self.server.mode, self.server.body
        if mode == "missing":
            self.send_error(404)
            return
        if mode == "slow":
            time.sleep(1.0)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with suppress(BrokenPipeError):  # a client that has lost its patience
            self.wfile.write(body[: len(body) // 2] if mode == "cut off" else body)

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A server that has one image, `set5/bird` and `bm3d11_masks/house` in the registry."""
    path = save_png(tmp_path / "bird.png", smooth_image(1, 40, 33))
    served = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served.mode, served.body, served.requests = "good", path.read_bytes(), []
    digest = hashlib.sha256(served.body).hexdigest()
    known = {
        name.rpartition(".")[0]: Source(name, digest, "owner/repository", "c" * 40, "a/b.png")
        for name in ("set5/bird.png", "bm3d11_masks/house.png")
    }
    monkeypatch.setattr(datasets, "sources", lambda: known)
    monkeypatch.setattr(datasets, "TIMEOUT", 0.3)
    monkeypatch.delenv("DIP_DATA", raising=False)
    monkeypatch.setenv("DIP_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("DIP_MIRROR", f"http://127.0.0.1:{served.server_port}/")
    thread = threading.Thread(target=served.serve_forever, args=(0.01,))
    thread.start()
    yield served
    served.shutdown()
    thread.join()
    served.server_close()


def test_a_published_image_is_fetched_once(server, tmp_path):
    path = find_image("set5/bird")
    assert path.read_bytes() == server.body
    assert path.is_relative_to(tmp_path / "cache")
    assert find_image("set5/bird") == path
    assert server.requests == [f"/owner/repository/{'c' * 40}/a/b.png"]


def test_a_damaged_copy_is_fetched_again(server):
    find_image("set5/bird").write_bytes(b"damaged")
    assert find_image("set5/bird").read_bytes() == server.body


def test_published_masked_images_become_masks(server, tmp_path):
    array = np.random.default_rng(0).integers(0, 3, (20, 17), dtype=np.uint8)
    Image.fromarray(array).save(tmp_path / "masked.png")
    server.body = (tmp_path / "masked.png").read_bytes()
    digest = hashlib.sha256(server.body).hexdigest()
    known = datasets.sources()
    known["bm3d11_masks/house"] = known["bm3d11_masks/house"]._replace(sha256=digest)
    for _ in range(2):
        mask = np.asarray(Image.open(find_mask("bm3d11_masks", "bm3d11/house")))
        np.testing.assert_array_equal(mask, 255 * (array > 0))
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("mode", "sentence"),
    [
        ("missing", r"\(HTTPError\); .*set DIP_DATA to a folder that holds set5/bird.png"),
        ("slow", r"Timeout\); try again with a network"),
        ("cut off", r"Error\); try again|\(not what was published\)"),
        ("wrong", r"\(not what was published\); .*set DIP_DATA"),
    ],
)
# The connection that pooch gave up is closed by the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_server_in_trouble_is_one_sentence(server, tmp_path, mode, sentence):
    server.mode = mode
    if mode == "wrong":
        server.body = server.body + b"!"
    with pytest.raises(UserError, match=sentence) as error:
        find_image("set5/bird")
    assert "\n" not in str(error.value)
    assert not list((tmp_path / "cache").rglob("*.png"))


def test_without_a_network(server, monkeypatch):
    monkeypatch.setenv("DIP_MIRROR", "http://127.0.0.1:9")
    with pytest.raises(UserError, match=r"\(ConnectionError\); try again with a network"):
        find_image("set5/bird")


def test_a_cache_that_cannot_be_written(server, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("DIP_CACHE", str(tmp_path / "file" / "inside"))
    with pytest.raises(UserError, match="set DIP_CACHE to a folder that can be written"):
        find_image("set5/bird")


def test_jobs_that_make_the_same_mask_share_no_partial_file(tmp_path, monkeypatch):
    file = save_png(tmp_path / "house.png", smooth_image(1, 8, 9))
    partials, whole = [], datasets.whole

    def note(path, partial):
        partials.append(partial)
        return whole(path, partial)

    monkeypatch.setattr(datasets, "whole", note)
    masks = {datasets._as_mask(str(file), action, None) for action in ("fetch", "download")}
    assert masks == {str(tmp_path / "house.mask.png")}
    assert len(set(partials)) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["house.mask.png", "house.png"]


def test_of_a_folder_of_masks_the_one_of_that_name(tmp_path):
    for name in ("a.png", "b.png", "c.txt"):
        (tmp_path / name).touch()
    assert find_mask(str(tmp_path), "scans/b.jpg") == tmp_path / "b.png"
    with pytest.raises(UserError, match="the folder holds no mask named c"):
        find_mask(str(tmp_path), "scans/c.png")


def test_masks_lie_in_folders_as_their_images_do(tmp_path):
    for name in ("a/img.png", "b/img.png", "img.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert find_mask(str(tmp_path), "scans/a/img.jpg") == tmp_path / "a/img.png"
    assert find_mask(str(tmp_path), "/elsewhere/b/img.jpg") == tmp_path / "b/img.png"
    assert find_mask(str(tmp_path), "../c/img.jpg") == tmp_path / "img.png"
    # No image is its own mask.
    assert find_mask(f"{tmp_path}/a/..", str(tmp_path / "a/img.png")) == tmp_path / "a/../img.png"
