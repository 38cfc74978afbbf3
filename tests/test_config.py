import re

import pytest

from dip_lightning.config import Config, config_folder, image_name
from dip_lightning.errors import UserError
from dip_lightning.presets import configure


def sr(**changes):
    return Config(
        **{
            "task": "sr",
            "logger": {"name": "none"},
            "factor": 4,
            "observation": "lanczos2",
            "bounds": True,
            "sigma": 0.0,
            "image": "chelsea",
            **changes,
        }
    )


def own(**changes):
    operator = {"name": "a:B"}
    logger = {"name": "none"}
    return Config(
        **{"task": "operator", "sigma": 0, "operator": operator, "logger": logger, **changes}
    )


@pytest.mark.parametrize("size", ["6x9", "3x6x9"])
def test_an_operator_of_your_own_has_a_name_and_perhaps_a_size(size):
    own().check()
    own(observed="y.npy", size=size).check()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"operator": {}}, "operator=None: task=operator needs operator=module:name or file.py:"),
        ({"operator": {"name": 3}}, "operator=3: task=operator needs operator=module:name"),
        ({"tile": 64}, "tile=64: your own operator sees the whole image"),
        ({"size": "6x9"}, "size=6x9: only with observed="),
        ({"size": "6", "observed": "y.npy"}, "size=6: expected HxW or CxHxW, such as 3x256x320"),
        ({"size": "0x9", "observed": "y.npy"}, "size=0x9: expected HxW"),
        ({"sigma": None}, "sigma=null: task=operator needs a value"),
    ],
)
def test_an_operator_that_cannot_be_is_a_sentence(changes, sentence):
    with pytest.raises(UserError) as error:
        own(**changes).check()
    assert str(error.value).startswith(sentence)


def test_defaults_pass():
    sr().check()


@pytest.mark.parametrize("drawn", [{"kernel": "gaussian"}, {"kernel": "motion", "length": 5}])
def test_a_kernel_has_usual_values(drawn):
    keys = {"task": "deblurring", "factor": None, "observation": None, "bounds": None}
    keys |= {"sigma": 0.0, "back_projection": 0.0}
    sr(**keys, **drawn).check()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"lr": 0}, "lr=0: expected more than 0, at most 10"),
        ({"lr": float("nan")}, "lr=nan: expected"),
        ({"noise_std": float("inf")}, "noise_std=inf: expected"),
        ({"factor": 1}, "factor=1: expected at least 2, at most 32"),
        ({"factor": None}, "factor=null: task=sr needs a value"),
        ({"iterations": 0}, "iterations=0: expected at least 1"),
        ({"precision": "half"}, "precision=half: choose one of auto, float32, bfloat16"),
        ({"sigma": None}, "sigma=null: task=sr needs a value with image="),
        ({"operator": {"name": "a:B"}}, "operator=a:B: only for task=operator, but task=sr"),
        ({"operator": {"n": 3}}, "operator.n=3: only for task=operator, but task=sr"),
        (
            {"task": "operator", "operator": {"name": "a:B"}, "observed": "y", "max_side": 20}
            | {"image": None, "sigma": None, "factor": None, "observation": None, "bounds": None},
            "max_side=20: only with image=; what was measured stays whole",
        ),
        ({"size": "3x4"}, "size=3x4: only for task=operator, but task=sr"),
        ({"quality": 10}, "quality=10: only for task=jpeg, but task=sr"),
        ({"task": "jpeg", "quality": 0}, "quality=0: expected at least 1, at most 100"),
        ({"task": "jpeg", "subsampling": "4:1:1"}, "subsampling=4:1:1: choose one of 4:4:4, 4:2:2"),
        ({"kernel": "disk"}, "kernel=disk: only for task=blind_deblurring and task=deblurring, "),
        ({"mask": "hole"}, "mask=hole: only for task=inpainting and task=restoration"),
        ({"observed": "b.png"}, "image=chelsea observed=b.png: give one of the two"),
        ({"input_type": "image"}, "needs input_image="),
        ({"input_image": "a.png"}, "needs input_type=image"),
        ({"accelerate": "jit"}, "accelerate=jit: choose one of auto, none, graph"),
        ({"logger": {"name": "tensorboard"}}, "logger.name=tensorboard: choose one of wandb, csv"),
        ({"logger": {"name": "wandb", "mode": "on"}}, "logger.mode=on: choose one of auto, online"),
        (
            {"schedule": "warmup_cosine", "warmup": 50, "iterations": 50},
            "warmup=50: expected less than iterations",
        ),
    ],
)
def test_refuses_in_one_sentence(changes, sentence):
    with pytest.raises(UserError) as error:
        sr(**changes).check()
    assert sentence in str(error.value)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"kernel_size": None}, "kernel_size=null: task=blind_deblurring needs a value"),
        ({"kernel_size": 4}, "kernel_size=4: expected an odd number of pixels"),
        ({"kernel_size": 1}, "kernel_size=1: expected at least 3, at most 151"),
        ({"kernel_start": "line"}, "kernel_start=line: choose one of estimate, flat"),
        ({"kernel_lr": 0.0}, "kernel_lr=0.0: expected more than 0"),
        (
            {"kernel": "disk", "radius": 2.0, "image": None, "observed": "a.png"},
            "kernel=disk: task=blind_deblurring finds the kernel of observed=",
        ),
    ],
)
def test_a_kernel_that_is_to_be_found(changes, sentence):
    keys = {"sigma": 0.0, "back_projection": 0.0, "kernel_size": 5, "kernel_start": "flat"}
    keys |= {"kernel_lr": 0.1, "logger": {"name": "none"}, **changes}
    with pytest.raises(UserError) as error:
        Config(task="blind_deblurring", **keys).check()
    assert sentence in str(error.value)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"kernel": "disk"}, "radius=null: kernel=disk needs a value"),
        ({"kernel": "motion"}, "length=null: kernel=motion needs a value"),
        ({"kernel": "k.png", "radius": 2.0}, "radius=2.0: only for kernel=disk, but kernel=k.png"),
        ({"blur_sigma": 2.0}, "blur_sigma=2.0: only for kernel=gaussian, but kernel=null"),
        ({"kernel": "motion", "length": 4, "angle": 0.0}, "length=4: expected an odd number"),
        ({"kernel": "disk", "radius": 0.0}, "radius=0.0: expected at least 0.1"),
        ({"sigma": None}, "sigma=null: task=deblurring needs a value with image="),
    ],
)
def test_a_kernel_has_the_keys_that_it_needs(changes, sentence):
    keys = {"sigma": 0.0, "back_projection": 0.0, "logger": {"name": "none"}, **changes}
    with pytest.raises(UserError, match=re.escape(sentence)):
        Config(task="deblurring", **keys).check()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"peak": 30.0}, "peak=30.0: only for noise=poisson, but noise=gaussian"),
        ({"noise": "poisson", "sigma": 25.0}, "sigma=25.0: only for noise=gaussian, but noise="),
        ({"noise": "poisson", "peak": 0.0}, "peak=0.0: expected more than 0, at most 10000000"),
        ({"noise": "poisson", "image": "a"}, "peak=null: task=denoising needs a value with image="),
        ({"noise": "salt"}, "noise=salt: choose one of gaussian, poisson"),
        ({"noise": None}, "noise=null: task=denoising needs a value"),
        (
            {"noise": "poisson", "observation": "clean"},
            "observation=clean: leave it out with noise=poisson",
        ),
        ({"observation": "poisson"}, "observation=poisson: needs noise=poisson"),
    ],
)
def test_a_kind_of_noise_has_its_own_level(changes, sentence):
    settings = {**vars(configure("denoising", {})), "observed": None, "image": None}
    settings["observed"] = None if "image" in changes else "a.png"
    noise = changes.get("noise") or "gaussian"
    with pytest.raises(UserError) as error:
        Config(**{**settings, "observation": noise, **changes}).check()
    assert str(error.value).startswith(sentence)


@pytest.mark.parametrize("task", ["sr", "deblurring", "demosaicing", "denoising"])
def test_the_noise_of_an_observed_image_may_be_told_or_not(task):
    settings = vars(configure(task, {"kernel": "gaussian"} if task == "deblurring" else {}))
    assert settings["sigma"] is None
    for sigma in (None, 10.0):
        Config(**{**settings, "sigma": sigma}).check()
    with pytest.raises(UserError, match=f"sigma=null: task={task} needs a value with image="):
        Config(**{**settings, "observed": None, "sigma": None}).check()


def test_a_mask_is_not_drawn_over_a_real_observation():
    masked = {"mask_means": "known", "mask_grow": 0, "keep_known": False}
    logger = {"name": "none"}
    config = Config(task="inpainting", observed="a.png", mask="text", logger=logger, **masked)
    with pytest.raises(UserError, match="mask=text: is drawn over a ground truth"):
        config.check()


@pytest.mark.parametrize(
    ("image", "observed", "name"),
    [
        ("astronaut", None, "astronaut"),
        ("set5/bird", None, "bird"),
        ("a/b.c.png", None, "b.c"),
        (None, "scan.tif", "scan"),
        (None, None, "chelsea"),
    ],
)
def test_image_name(image, observed, name):
    assert image_name(image, observed) == name


def test_conf_is_found():
    assert (config_folder() / "task" / "sr.yaml").is_file()
