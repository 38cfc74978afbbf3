"""An operator of the user's own, made by name."""

import random

import numpy as np
import pytest
import torch

from dip_lightning.errors import CodeError, UserError, traceback_of
from dip_lightning.operators.own import OwnOperator, build, check_options
from tests.operators import damages

HERE = "tests.operators.damages"
SHAPE = (1, 6, 9)


def make(name, seed=0, **options):
    return build(f"{HERE}:{name}", options, seed)


def test_a_class_a_factory_and_an_operator_itself():
    x = torch.rand(1, *SHAPE)
    assert make("Pooled", columns=2)(x).shape == (1, 1, 6, 4)
    assert torch.equal(make("scaled", factor=2, offset=0)(x), 2 * x)
    assert torch.equal(make("squashed")(x), torch.tanh(2 * x))
    assert torch.equal(make("squashed", gain=3)(x), torch.tanh(3 * x))
    assert make("made").inner is damages.made
    assert torch.equal(build("torch.nn:Identity", {}, 0)(x), x)


def test_a_physics_without_its_noise_and_a_list_as_a_tuple():
    physics = make("Fourier", img_size=[1, 6, 9], device="cpu")
    assert physics.inner.img_size == physics.shape == SHAPE
    x = torch.rand(1, *SHAPE)
    assert torch.equal(physics(x), physics(x))
    assert make("Fourier", img_size=[6, 9]).shape == SHAPE
    assert make("Fourier", img_size=[1, 1, 6, 9]).shape is None
    assert make("Pooled").shape is None


def test_what_is_drawn_is_the_seeds():
    before = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].copy()  # noqa: NPY002
    first, again, other = (make("Drawn", seed).inner.drawn for seed in (1, 1, 2))
    assert first == again
    assert all(a != b for a, b in zip(first, other, strict=True))
    assert torch.equal(torch.get_rng_state(), before[0])
    assert random.getstate() == before[1]
    assert (np.random.get_state()[1] == before[2]).all()  # noqa: NPY002


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("Pooled", {"column": 2}, r"operator.column=2: .*:Pooled has no such .*; it takes columns"),
        ("columns", {"a": 1}, r"operator.a=1: .*:columns has no such argument; it takes none"),
        ("scaled", {"factor": 2}, r"operator.offset=: .*:scaled needs a value for it"),
        ("Fourier", {}, r"operator.img_size=: .*:Fourier needs a value for it"),
        ("made", {"a": 1}, r"operator.a: .*:made is made already, and takes none"),
    ],
)
def test_options_that_do_not_fit_are_told_before_anything_is_made(name, options, said):
    with pytest.raises(UserError, match=said):
        check_options(f"{HERE}:{name}", options)
    with pytest.raises(UserError, match=said):
        make(name, **options)


def test_what_makes_no_operator():
    with pytest.raises(UserError, match="nothing: makes NoneType, expected a module or a funct"):
        make("nothing")
    with pytest.raises(CodeError, match=r"cannot be made .ValueError: sigma=3 is too large"):
        make("too_large", sigma=3)


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("shaky", {}, "returns something else when it is asked again"),
        ("nothing", {}, "makes NoneType"),
        ("Tired", {"calls": 0}, r"cannot compute an image of shape .* .RuntimeError: fell over"),
        ("Pooled", {"columns": 0}, "cannot compute an image"),
    ],
)
def test_a_broken_law_names_the_operator(name, options, said):
    with pytest.raises(UserError, match=rf"^operator={HERE}:{name}: {said}"):
        make(name, **options).check(SHAPE)


@pytest.mark.parametrize(
    ("name", "options", "is_linear"),
    [
        *[("Pooled", {}, True), ("columns", {}, True), ("squashed", {}, False)],
        ("of_images_alone", {}, False),  # linear, but it raises where that is tried
    ],
)
def test_it_is_found_out_whether_it_is_linear(name, options, is_linear):
    made = make(name, **options)
    made.check(SHAPE)
    assert made.is_linear == is_linear


def test_what_it_raises_names_it_and_shows_its_own_lines():
    tired = make("Tired", calls=0)
    with pytest.raises(CodeError, match=rf"operator={HERE}:Tired: raised RuntimeError: fell over"):
        tired(torch.rand(1, *SHAPE))
    with pytest.raises(CodeError) as error:
        tired.check(SHAPE)
    shown = traceback_of(error.value)
    assert "damages.py" in shown.splitlines()[1]
    assert shown.endswith("RuntimeError: fell over")
    assert "laws.py" not in shown


def test_its_parts_move_with_it():
    own = OwnOperator(damages.Fourier((1, 6, 9)), "a:B").double()
    assert own.inner.mask.dtype == torch.float64
