import pytest
import torch
from torch import nn

from dip_lightning import Problem, generators
from dip_lightning.prior.deep_image_prior import DeepImagePrior
from dip_lightning.prior.unknown import Unknown
from tests.conftest import smooth_image
from tests.prior.test_deep_image_prior import trainer


class Exposure(Unknown):
    """A gain that nobody knows; called, it applies the averaged one."""

    def __init__(self, lr):
        super().__init__()
        self.lr, self.log_gain = lr, nn.Parameter(torch.zeros(()))
        self.register_buffer("gain", torch.ones(()))
        self.register_buffer("present", torch.ones(()))

    def forward(self, x):
        return self.gain * x

    def average(self, weight):
        self.gain.lerp_(self.present, weight)


class Exposed(Problem):
    def __init__(self, y, lr):
        super().__init__(y, A=Exposure(lr), shape=tuple(y.shape[1:]))
        self.unknown = self.A

    def objective(self, x_hat, seen=None):
        gain = self.A.log_gain.exp()
        self.A.present.copy_(gain.detach())
        loss = (gain * x_hat - self.y).square().mean()
        return loss, loss


def prior_of(lr=0.05, **fit):
    network = generators.Skip(3, 1, generators.SkipOptions([4], [4], [2]))
    problem = Exposed(1.5 + smooth_image(1, 17, 13), lr)  # brighter than a network's output
    return DeepImagePrior(problem, network, input_depth=3, iterations=30, **fit)


@pytest.mark.parametrize("optimizer", ["adam", "muon"])
def test_it_is_found_beside_the_image(optimizer):
    prior = prior_of(optimizer=optimizer)
    trainer().fit(prior)
    assert float(prior.problem.A.present) > 1.5
    assert 1 < float(prior.problem.A.gain) < float(prior.problem.A.present)


def test_its_state_is_in_a_checkpoint_and_nothing_else_of_the_problem(tmp_path):
    prior = prior_of()
    lightning = trainer(max_steps=3)
    lightning.fit(prior)
    lightning.save_checkpoint(tmp_path / "a.ckpt")
    saved = torch.load(tmp_path / "a.ckpt", weights_only=True)
    found = {name for name in saved["state_dict"] if name.startswith("problem")}
    assert found == {f"problem.unknown.{name}" for name in ("log_gain", "gain", "present")}
    again = prior_of()
    again.on_load_checkpoint(saved)
    again.load_state_dict(saved["state_dict"])
    assert torch.equal(again.problem.A.gain, prior.problem.A.gain)
