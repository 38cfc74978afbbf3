"""What a fit has computed."""

import pytest
import torch

from dip_lightning.prior.outputs import Outputs, kept
from tests.conftest import smooth_image
from tests.prior.test_deep_image_prior import fit, make


def test_std_is_that_of_the_outputs():
    """With a decay near 1 all outputs weigh the same."""
    from pytorch_lightning import Callback

    kept = []

    class Keep(Callback):
        def on_train_batch_end(self, trainer, pl_module, *_):
            kept.append(pl_module.x_hat.clone())

    prior = fit(make(x=smooth_image(3, 17, 13), iterations=30, average=0.9999), callbacks=[Keep()])
    expected = torch.stack(kept).double().var(0, correction=0).sqrt().float()
    assert torch.allclose(prior.outputs().std, expected, atol=1e-3)


def test_one_image_in_place_of_a_fit_is_sure():
    image = smooth_image(3, 9, 7)
    outputs = Outputs.same(image)
    assert not outputs.std.any()
    for output in ("combined", "average", "last"):
        assert torch.equal(outputs.chosen(output), image)


@pytest.mark.parametrize("is_combined", [False, True])
def test_without_a_combination_the_average_takes_its_place(is_combined):
    prior = fit(make(x=smooth_image(3, 9, 7), iterations=3))
    state = kept(prior.state_dict())
    state["combination.x"] = torch.full((1, 3, 9, 7), 0.25)
    state["combination.is_done"] = torch.tensor(is_combined)
    found = Outputs.of(state, prior.problem).chosen("combined")
    assert torch.equal(found, state["combination.x" if is_combined else "x_average"])
