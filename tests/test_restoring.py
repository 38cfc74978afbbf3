"""One call: what goes in comes out restored, of the same kind, and nothing else changes."""

import copy
import logging
import os
import pickle
import signal
import sys
import time
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio

import dip_lightning as dip
from dip_lightning.cli.main import main
from dip_lightning.presets import configure
from dip_lightning.prior.deep_image_prior import DeepImagePrior
from tests.conftest import save_png, smooth_image, stored_array

ORIENTATION = 0x0112  # the tag of EXIF


def small(outputs=3):
    options = dip.generators.SkipOptions([4, 6], [4, 5], [2, 0])
    return dip.generators.Skip(32, outputs, options, torch.Generator().manual_seed(0))


def restored(image, task="denoising", outputs=3, **keys):
    settings = {"iterations": 2, "network": small(outputs), "device": "cpu", "progress": False}
    return dip.restore(image, task, **{**settings, **keys})


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float16", "float32", "float64"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_an_array_comes_back_as_it_was_given(channels, dtype):
    image = stored_array(channels, dtype)
    result = restored(image, outputs=channels)
    for found in (result.image, result.last):
        assert (found.shape, found.dtype) == (image.shape, image.dtype)
    assert result.metrics["status"] == "finished"
    assert result.metrics["iterations"] == result.history[-1]["iteration"] == 2


def test_a_task_that_adds_channels_gives_them_all_back(monkeypatch):
    def gray(x):
        return x.mean(1, keepdim=True)

    def problem(given, _keys):
        return dip.Problem(given.y, A=gray, shape=(3, *given.y.shape[2:]))

    monkeypatch.setattr("dip_lightning.tasks.problem", problem)
    assert restored(stored_array(1, "uint8")).image.shape == (9, 14, 3)


def test_a_tensor_comes_back_as_it_was_given():
    image = smooth_image(3, 9, 14)
    result = restored(image, "sr", factor=2)
    assert result.image.shape == (1, 3, 18, 28)
    assert result.image.dtype == torch.float32
    assert torch.allclose(result.image, result.prior(), atol=1e-6)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "LA", "P", "I;16", "1"])
def test_a_pillow_image_comes_back_as_one(mode):
    colours = Image.fromarray(stored_array(3, "uint8"))
    image = Image.fromarray(stored_array(1, "uint16")) if mode == "I;16" else colours.convert(mode)
    outputs = 1 if mode in {"L", "LA", "I;16", "1"} else 3
    result = restored(image, outputs=outputs)
    assert isinstance(result.image, Image.Image)
    assert result.image.size == image.size
    assert result.image.mode == {"P": "RGB", "1": "L"}.get(mode, mode)


def test_a_path_is_read(tmp_path):
    path = save_png(tmp_path / "a.png", smooth_image(3, 9, 14))
    for given in (path, str(path)):
        assert restored(given).image.shape == (9, 14, 3)
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.png"]  # nothing is written


def test_the_command_gives_the_same_bits(dip_command, tmp_path):
    path = save_png(tmp_path / "a.png", smooth_image(3, 9, 14))
    keys = ("iterations=3", "threads=1", "logger=none", "network=skip_64", "hydra.run.dir=out")
    assert dip_command(f"observed={path}", *keys, tiny=False)[0] == 0
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    result = dip.restore(path, iterations=3, network="skip_64", device="cpu", progress=False)
    torch.set_num_threads(threads)
    assert np.array_equal(result.image, np.asarray(Image.open(tmp_path / "out/restored.png")))


@pytest.fixture
def dip_command(request):
    return request.getfixturevalue("dip")


@pytest.mark.parametrize("kind", ["bool", "uint8", "pillow", "tensor", "path"])
def test_masks_of_all_kinds(kind, tmp_path):
    image = stored_array(3, "uint8")
    known = np.ones((9, 14), bool)
    known[2:5, 3:8] = False
    grey = known.astype(np.uint8) * 255
    Image.fromarray(grey).save(tmp_path / "m.png")
    mask = {
        "bool": known,
        "uint8": grey,
        "pillow": Image.fromarray(grey),
        "tensor": torch.from_numpy(known)[None, None].float(),
        "path": tmp_path / "m.png",
    }[kind]
    result = restored(image, "inpainting", mask=mask, keep_known=True)
    assert np.array_equal(result.image[known], image[known])
    assert torch.equal(result.prior.problem.mask[0, 0], torch.from_numpy(known).float())
    turned = restored(image, "inpainting", mask=~known, mask_means="missing")
    assert torch.equal(turned.prior.problem.mask[0, 0], torch.from_numpy(known).float())


def test_values_that_are_not_numbers_are_missing():
    image = stored_array(1, "float32")
    image[3, 4] = np.nan
    result = restored(image, "restoration", outputs=1)
    assert np.isfinite(result.image).all()
    with pytest.raises(dip.UserError, match="holds 1 value that is not a number"):
        restored(image, outputs=1)


@pytest.mark.parametrize("kind", ["array", "list", "tensor", "tensors", "pillow", "path", "name"])
def test_a_kernel_is_of_any_kind(kind, tmp_path):
    values = np.array([[0, 1, 0], [1, 4, 1], [0, 1, 0]], np.uint8)
    Image.fromarray(values).save(tmp_path / "k.png")
    kernel = {
        "array": values,
        "list": values.tolist(),
        "tensor": torch.from_numpy(values)[None].bfloat16(),
        "tensors": [torch.from_numpy(row).float().requires_grad_() for row in values],
        "pillow": Image.fromarray(values),
        "path": tmp_path / "k.png",
        "name": "gaussian",
    }[kind]
    keys = {"blur_sigma": 0.3} if kind == "name" else {}
    photo = np.random.default_rng(0).integers(0, 255, (20, 24, 3), dtype=np.uint8)
    result = restored(photo, "deblurring", kernel=kernel, **keys)
    assert result.image.shape == result.std.shape == (20, 24, 3)
    found = result.prior.problem.A.kernel
    if kind != "name":
        torch.testing.assert_close(found, torch.from_numpy(values / 8).float())
    assert found.shape == (3, 3)


@pytest.mark.parametrize("kind", ["path", "name", "pillow"])
def test_a_jpeg_is_given_as_its_file(kind, tmp_path):
    stored = (smooth_image(3, 21, 30)[0].permute(1, 2, 0) * 255).byte().numpy()
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    path = tmp_path / "a.jpg"
    Image.fromarray(stored).save(path, quality=30, exif=exif)
    with Image.open(path) as opened:
        given = {"path": path, "name": str(path), "pillow": opened}[kind]
        result = restored(given, "jpeg")
    if kind == "pillow":  # which Pillow does not turn
        assert result.image.size == (30, 21)
    else:
        assert result.image.shape == (30, 21, 3)
    problem = result.prior.problem
    turned = problem.y.flip(2, 3)
    assert float(problem.loss(problem.y)) < 0.1 * float(problem.loss(turned))


@pytest.mark.parametrize("task", ["deblurring", "blind_deblurring"])
def test_what_a_jpeg_has_lost_is_known_where_its_file_is(task, tmp_path):
    keys = {"kernel": "gaussian"} if task == "deblurring" else {"kernel_size": 5}
    keys |= {"output": "average", "guide": None}  # only the problem is looked at here
    path = tmp_path / "a.jpg"
    save_png(tmp_path / "a.png", smooth_image(3, 37, 30))
    Image.open(tmp_path / "a.png").save(path, quality=60)
    with Image.open(path) as opened, Image.open(path) as painted:
        painted.paste((0, 255, 0), (0, 0, 8, 8))
        givens = (path, opened, painted, np.asarray(opened), tmp_path / "a.png")
        found = [restored(given, task, **keys).prior.problem.y_noise_std for given in givens]
    assert found[0] == found[1] > 0.5 / 255
    assert found[2:] == [None, None, None]


def test_pixels_alone_are_no_jpeg(tmp_path):
    stored = np.zeros((21, 30, 3), np.uint8)
    for given in (stored, Image.fromarray(stored)):
        with pytest.raises(dip.UserError, match="expected a JPEG file for task=jpeg: its path, or"):
            restored(given, "jpeg")
    Image.fromarray(stored).save(tmp_path / "a.jpg")
    with Image.open(tmp_path / "a.jpg") as smaller:
        smaller.draft("RGB", (15, 10))
        with pytest.raises(dip.UserError, match=r"image: is not as in its file, .*a.jpg"):
            restored(smaller, "jpeg")
    with Image.open(tmp_path / "a.jpg") as painted:
        painted.paste((0, 255, 0), (0, 0, 8, 8))
        with pytest.raises(dip.UserError, match=r"image: is not as in its file, .*a.jpg"):
            restored(painted, "jpeg")


@pytest.mark.parametrize(
    ("task", "kernel", "said"),
    [
        ("deblurring", None, "kernel=None: expected an array, .* or one of gaussian, disk, motion"),
        ("deblurring", "gausian", "kernel=gausian: no such file, and none of gaussian, disk, mot"),
        ("deblurring", "disk", "radius=null: kernel=disk needs a value"),
        ("deblurring", [[1, 2], [3]], "kernel: is no array of numbers"),
        ("deblurring", np.ones(3), "kernel: is of shape"),
        ("deblurring", object(), "kernel: holds object of shape"),
        ("deblurring", "nowhere.png", "kernel=nowhere.png: no such file"),
        ("denoising", np.ones((3, 3)), "kernel: only for deblurring, not for denoising"),
    ],
)
def test_a_kernel_that_is_none_is_a_sentence(task, kernel, said):
    with pytest.raises(dip.UserError, match=said):
        restored(stored_array(3, "uint8"), task, kernel=kernel)


def test_a_kernel_of_ones_own_has_no_other_width():
    with pytest.raises(dip.UserError, match="blur_sigma=2: only for kernels drawn by name"):
        restored(stored_array(3, "uint8"), "deblurring", kernel=np.ones((3, 3)), blur_sigma=2)


@pytest.mark.parametrize("sigma", [None, 10])
def test_the_noise_is_told_or_estimated(sigma):
    x = smooth_image(3, 40, 48)
    noisy = dip.Denoising.simulate(x, sigma=40, network=small()).problem.y
    given = {} if sigma is None else {"sigma": sigma}
    metrics = restored((255 * noisy[0, 0].numpy()).astype(np.uint8), outputs=1, **given).metrics
    assert metrics["noise_level"] == ("estimated" if sigma is None else "told")
    assert metrics["y_noise_std"] == pytest.approx((sigma or 37) / 255, rel=0.1 if not sigma else 0)
    assert metrics["peak"] is None


@pytest.mark.parametrize("peak", [None, 10])
def test_photons(peak):
    x = smooth_image(3, 40, 48)
    y = torch.poisson(10 * x, torch.Generator().manual_seed(0)) / 10
    result = restored(y[0].permute(1, 2, 0).numpy(), noise="poisson", peak=peak)
    scaled = result.prior.problem.y
    inner = scaled < 1
    white = float(y[inner].sum() / scaled[inner].sum())  # of its range
    assert result.metrics["peak"] == pytest.approx(10 * white, rel=0.2 if peak is None else 1e-3)
    assert result.metrics["noise_level"] == ("estimated" if peak is None else "told")
    assert result.image.max() <= white


def test_it_restores():
    x = smooth_image(3, 40, 48)
    noisy = dip.Denoising.simulate(x, sigma=40, network=small()).problem.y
    result = restored(noisy, iterations=300)
    before, after = (
        peak_signal_noise_ratio(x.numpy(), image.numpy(), data_range=1)
        for image in (noisy, result.image)
    )
    assert after > before + 3


def test_it_shows_itself():
    png = restored(stored_array(3, "uint16"))._repr_png_()
    assert png.startswith(b"\x89PNG")


def test_a_bar_is_drawn_if_wanted(capsys):
    restored(stored_array(3, "uint8"), progress=True)
    assert "2/2" in capsys.readouterr().err
    restored(stored_array(3, "uint8"))
    captured = capsys.readouterr()
    assert captured.out + captured.err == ""


def test_the_process_is_left_as_it_was():
    def state():
        names = ("pytorch_lightning", "lightning.pytorch")
        levels = [logging.getLogger(name).level for name in names]
        handlers = [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)]
        switches = torch.get_num_threads(), torch.backends.cudnn.allow_tf32
        return levels, handlers, switches, list(warnings.filters), list(sys.argv), dict(os.environ)

    network = small()
    random, before = torch.random.get_rng_state(), state()
    settings = {"iterations": 2, "network": network, "device": "cpu", "progress": False}
    dip.restore(stored_array(3, "uint8"), **settings)
    assert state() == before
    assert torch.equal(torch.random.get_rng_state(), random)


def test_a_star_beyond_the_range_comes_back():
    rng = np.random.default_rng(0)
    image = rng.integers(100, 600, (20, 24), dtype=np.uint16)
    image[5, 7] = 20000
    mask = np.ones((20, 24), bool)
    mask[9:12, 9:12] = False
    result = restored(image, "inpainting", outputs=1, mask=mask, keep_known=True)
    for found in (result.image, result.last):
        np.testing.assert_array_equal(found[mask], image[mask])


def test_slurm_does_not_touch_a_fit(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hpc_ckpt_1.ckpt").write_bytes(b"of another program")
    job = {"JOB_ID": "1", "JOB_NAME": "mine", "NTASKS": "2", "PROCID": "0", "LOCALID": "0"}
    for name, value in job.items():
        monkeypatch.setenv(f"SLURM_{name}", value)
    assert restored(stored_array(3, "uint8")).metrics["iterations"] == 2


@pytest.mark.parametrize(
    "task", [("sr", {"factor": 2}), ("deblurring", {"kernel": "disk", "radius": 1})]
)
def test_it_computes_in_float32_whatever_the_default_is(task):
    (name, keys), image = task, stored_array(3, "uint8").repeat(2, 0).repeat(2, 1)
    settings = {**keys, "network": "no_skip_narrow", "progress": False, "iterations": 2}
    expected = dip.restore(image, name, device="cpu", **settings)
    torch.set_default_dtype(torch.float64)
    try:
        found = dip.restore(image, name, device="cpu", **settings)
        assert torch.get_default_dtype() == torch.float64
    finally:
        torch.set_default_dtype(torch.float32)
    np.testing.assert_array_equal(found.image, expected.image)


def test_it_computes_on_the_cpu_with_gradients_whatever_the_default_is():
    image, network = torch.rand(1, 3, 20, 24), small(3)
    expected = restored(image, network=network).image
    with torch.inference_mode(), torch.device("meta"):
        found = restored(image, network=network).image
    assert torch.equal(found, expected)


def test_calls_in_threads_do_not_meet():
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda _: configure("sr", {"factor": 8}), range(60)))
    assert {config.iterations for config in found} == {300}


def test_gradients_are_as_they_were():
    with torch.no_grad():
        restored(stored_array(3, "uint8"))
        assert not torch.is_grad_enabled()


def test_ctrl_c_while_the_result_is_made_interrupts(monkeypatch):
    def interrupted(*arguments):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(1)

    monkeypatch.setattr("dip_lightning.prior.combination.Combination.finish", interrupted)
    assert restored(stored_array(3, "uint8")).metrics["status"] == "interrupted"


def test_ctrl_c_leaves_a_usable_result(monkeypatch):
    healthy, calls = DeepImagePrior.iterate, []

    def interrupted(self):
        calls.append(1)
        if len(calls) == 5:
            os.kill(os.getpid(), signal.SIGINT)
        return healthy(self)

    monkeypatch.setattr(DeepImagePrior, "iterate", interrupted)
    handler = signal.getsignal(signal.SIGINT)
    result = restored(stored_array(3, "uint8"), iterations=50)
    assert result.metrics["status"] == "interrupted"
    assert 0 < result.metrics["iterations"] < 50
    assert result.image.shape == (9, 14, 3)
    assert signal.getsignal(signal.SIGINT) is handler


@pytest.mark.parametrize(
    ("image", "sentence"),
    [
        (torch.zeros(2, 3, 8, 8), r"image: is a tensor of shape \(2, 3, 8, 8\), expected \(1, C"),
        (np.zeros((2, 2, 2, 2)), r"image: is of shape \(2, 2, 2, 2\), expected \(H, W\)"),
        ([1, 2], "image: is of type list, expected a NumPy array, a tensor"),
        ("nowhere.png", "image=nowhere.png: no such file"),
        (np.zeros((4, 4), complex), "stores complex128, expected integers or floating point"),
        (
            np.array([[0.1, np.nan], [0.2, 0.3]]),
            r'^image=array: holds 1 value .*; dip.restore\(image, "restoration"\) fills them$',
        ),
    ],
)
def test_a_mistake_is_one_sentence(image, sentence):
    with pytest.raises(dip.UserError, match=sentence):
        restored(image)


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        ({"device": "cuda"}, "device=cuda: choose one of auto, cpu, gpu"),
        ({"accelerate": "graph"}, "accelerate=graph: needs a CUDA device, but the fit runs on cpu"),
        ({"input_type": "image"}, "input_type=image: only for the command, and for DeepImagePrior"),
    ],
)
def test_what_cannot_be_computed_here_is_refused(keys, sentence):
    with pytest.raises(dip.UserError, match=sentence):
        restored(stored_array(3, "uint8"), **keys)


def test_a_mask_for_a_task_without_one_is_refused():
    with pytest.raises(dip.UserError, match="mask: only for inpainting and restoration, not for"):
        restored(stored_array(3, "uint8"), mask=np.ones((9, 14), bool))


@pytest.mark.parametrize(
    ("mask", "sentence"),
    [
        ([1, 2], "^mask: is of type list, expected a NumPy array"),
        ("nowhere.png", "^mask=nowhere.png: no such file"),
        (np.zeros((9, 14)), "^mask: no pixel is known"),
    ],
)
def test_a_mistake_in_a_mask_names_it(mask, sentence):
    with pytest.raises(dip.UserError, match=sentence):
        restored(stored_array(3, "uint8"), "inpainting", mask=mask)


def test_bfloat16_comes_back_as_it_was_given():
    assert restored(smooth_image(3, 9, 14).bfloat16()).image.dtype == torch.bfloat16


def test_what_a_users_own_network_warns_of_is_heard():
    class Talkative(torch.nn.Module):
        def forward(self, z):
            warnings.warn("of the user's", UserWarning, stacklevel=1)
            return self.inner(z)

    network = Talkative()
    network.inner = small()
    with pytest.warns(UserWarning, match="of the user's"):
        restored(stored_array(3, "uint8"), network=network)


def test_sigterm_ends_the_process_as_it_should(monkeypatch):
    healthy = DeepImagePrior.iterate

    def terminated(self):
        os.kill(os.getpid(), signal.SIGTERM)
        return healthy(self)

    monkeypatch.setattr(DeepImagePrior, "iterate", terminated)
    with pytest.raises(SystemExit):
        restored(stored_array(3, "uint8"), iterations=50)


def test_a_task_that_needs_a_mask_says_so():
    with pytest.raises(dip.UserError, match="mask=null: task=inpainting"):
        restored(stored_array(3, "uint8"), "inpainting")


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_a_mosaic_comes_back_in_colour(dtype):
    mosaic = stored_array(1, dtype)
    image = restored(mosaic, "demosaicing", pattern="grbg").image
    assert (image.shape, image.dtype) == ((9, 14, 3), mosaic.dtype)
    assert (image[::2, ::2, 1] == mosaic[::2, ::2]).all()
    assert (image[::2, 1::2, 0] == mosaic[::2, 1::2]).all()
    given = Image.fromarray(mosaic)
    if dtype == "uint8":
        assert restored(given, "demosaicing").image.mode == "RGB"
    else:
        with pytest.raises(dip.UserError, match="PIL image of mode I;16, and the result has col"):
            restored(given, "demosaicing")


@pytest.mark.parametrize("preset", ["fast", "paper"])
def test_a_result_is_kept_in_a_file_and_copied(preset):
    result = restored(stored_array(3, "uint8"), preset=preset)
    for again in (pickle.loads(pickle.dumps(result)), copy.deepcopy(result)):  # noqa: S301 - our own
        assert np.array_equal(again.image, result.image)
        assert torch.equal(again.prior(), result.prior())


def test_the_network_that_was_given_stays_as_it_was():
    network = small()
    first, second = (restored(stored_array(3, "uint8"), network=network) for _ in range(2))
    assert all(map(torch.equal, network.parameters(), small().parameters()))
    assert np.array_equal(first.image, second.image)


def test_a_mask_of_each_channel_is_refused():
    mask = np.random.default_rng(0).random((9, 14, 3)) > 0.5
    for kind in (mask, torch.from_numpy(mask).permute(2, 0, 1)[None].float()):
        with pytest.raises(dip.UserError, match=r"channels differ, .*: dip.Restoration\(y, mask\)"):
            restored(stored_array(3, "uint8"), "restoration", mask=kind)


def test_what_is_hardly_meant_is_said():
    image, mask = stored_array(3, "uint8"), np.zeros((9, 14), bool)
    mask[2:4, 3:5] = True
    with pytest.warns(UserWarning, match="add mask_means=missing") as said:
        restored(image, "inpainting", mask=mask)
    assert said[0].filename == __file__
    with pytest.warns(UserWarning, match="no pixel is missing"):
        result = restored(image, "inpainting", mask=np.ones((9, 14)))
    assert result.metrics["diagnosis"] == "nothing_missing"
    with pytest.warns(UserWarning, match="all of its pixels are the same"):
        assert restored(0 * image + 7).metrics["diagnosis"] == "constant_image"


def test_numbers_of_numpy_are_numbers():
    image = stored_array(3, "uint8")
    keys = {"sigma": np.float64(20), "lr": np.float32(0.01), "seed": np.int64(2)}
    known = {name: value.item() for name, value in keys.items()}
    assert np.array_equal(restored(image, **keys).image, restored(image, **known).image)


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_an_opaque_alpha_stays_opaque(dtype):
    image = stored_array(4, dtype)
    image[..., :3] //= 4  # dark: the range is the type's, or the one of all colours
    image[..., 3] = np.iinfo(dtype).max
    plain, found = restored(image[..., :3]).image, restored(image).image
    assert found.shape == image.shape
    assert np.array_equal(found[..., :3], plain)
    assert (found[..., 3] == np.iinfo(dtype).max).all()
    assert restored(image, "sr", factor=2).image.shape == (18, 28, 4)


@pytest.mark.parametrize(("dtype", "suffix"), [("uint8", "png"), ("uint16", "tif")])
def test_the_alpha_of_a_file_stays(dtype, suffix, tmp_path):
    stored = stored_array(4, dtype)
    path = tmp_path / f"a.{suffix}"
    if suffix == "png":
        Image.fromarray(stored).save(path)
    else:
        tifffile.imwrite(path, stored, photometric="rgb", extrasamples=["unassalpha"])
    found = restored(path).image
    assert (found.shape, found.dtype) == (stored.shape, stored.dtype)
    assert np.array_equal(found[..., 3], stored[..., 3])
    assert restored(path, "sr", factor=2).image.shape == (18, 28, 4)


def test_float32_is_not_rounded_while_it_computes(monkeypatch):
    seen, healthy = [], DeepImagePrior.iterate

    def iterate(self):
        seen.append(torch.backends.cudnn.allow_tf32)
        return healthy(self)

    monkeypatch.setattr(DeepImagePrior, "iterate", iterate)
    before = torch.backends.cudnn.allow_tf32
    restored(stored_array(3, "uint8"))
    assert seen == [False, False]
    assert torch.backends.cudnn.allow_tf32 == before


def test_what_pillow_keeps_beside_the_pixels_stays(tmp_path):
    turned = Image.Exif()
    turned[ORIENTATION] = 6
    image = Image.fromarray(stored_array(3, "uint8"))
    image.save(tmp_path / "a.jpg", exif=turned, dpi=(300, 300), icc_profile=b"profile")
    found = restored(Image.open(tmp_path / "a.jpg")).image
    assert found.size == image.size
    assert found.getexif()[ORIENTATION] == 6
    assert found.info["dpi"] == (300, 300)
    assert found.info["icc_profile"] == b"profile"


def test_yes_and_no_come_back_as_whole_numbers():
    image = smooth_image(1, 9, 14) > 0.5
    assert restored(image, outputs=1).image.dtype == torch.uint8


def test_what_was_held_out_is_compared():
    assert restored(stored_array(3, "uint8")).metrics["psnr_holdout"] is None
    assert restored(stored_array(3, "uint8"), holdout=0.2).metrics["psnr_holdout"] > 0


@pytest.mark.parametrize("way", ["image", "path"])
def test_what_is_filled_is_opaque_also_where_a_mask_says_so(way, tmp_path):
    stored = np.full((20, 24, 4), 255, np.uint8)
    stored[..., :3] = stored_array(3, "uint8").repeat(3, 0)[:20].repeat(2, 1)[:, :24]
    stored[3:6, 4:9, 3] = 0  # erased where the mask has its hole
    stored[10, 10, 3] = 90
    mask = np.ones((20, 24), bool)
    mask[3:6, 4:9] = False
    Image.fromarray(stored).save(tmp_path / "a.png")
    if way == "image":
        result = restored(Image.open(tmp_path / "a.png"), "inpainting", mask=mask)
        alpha = np.asarray(result.image)[..., 3]
    else:
        Image.fromarray(mask).save(tmp_path / "m.png")
        keys = ("task=inpainting", f"observed={tmp_path}/a.png", f"mask={tmp_path}/m.png")
        more = ("preset=smoke", "iterations=2", "network=skip_16", "logger=none", "threads=1")
        assert main([*keys, *more, f"hydra.run.dir={tmp_path}/out"]) == 0
        alpha = np.asarray(Image.open(tmp_path / "out" / "restored.png"))[..., 3]
    expected = stored[..., 3].copy()
    expected[3:6, 4:9] = 255
    np.testing.assert_array_equal(alpha, expected)
