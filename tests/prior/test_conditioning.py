"""What the network sees beside z."""

import pytest
import torch

from dip_lightning import Problem, generators
from dip_lightning.errors import UserError
from dip_lightning.operators import Blur, gaussian_kernel, random_mask
from dip_lightning.prior.conditioning import FedBack, Guided, ShownPixels, conditioning
from dip_lightning.prior.deep_image_prior import DeepImagePrior
from dip_lightning.prior.settings import FitSettings
from dip_lightning.tasks import Deblurring, JPEGDecompression, Restoration
from dip_lightning.tasks.blind_deblurring import BlindlyBlurredImage
from dip_lightning.tasks.deblurring import BlurredImage
from dip_lightning.tasks.demosaicing import RawMosaic
from dip_lightning.tasks.masked import MissingPixels
from tests.conftest import smooth_image
from tests.prior.test_deep_image_prior import trainer


def network(inputs):
    return generators.Skip(inputs, 3, generators.SkipOptions([4, 4], [4, 4], [2, 2]))


def draw_of(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("per_channel", [False, True])
def test_what_is_shown_is_known_and_does_not_count(per_channel):
    x = smooth_image(3, 33, 40)
    m = random_mask((3, 33, 40), 0.5, per_channel=per_channel, generator=draw_of())
    problem = MissingPixels(m * x, m, x)
    shown = ShownPixels(problem, 0.7)
    beside, seen = shown.join(x[:, :0], torch.zeros_like(x), None, draw_of(1))
    y, s = beside[:, :3], beside[:, 3:]
    assert beside.shape[1] == shown.channels == 3 + m.shape[1]
    assert torch.equal(y, s * x)
    assert bool((s <= m).all())
    assert torch.equal(s + seen, m)  # each known pixel is either shown or counts
    assert float(s.sum() / m.sum()) == pytest.approx(0.7, abs=0.05)
    again, _ = shown.join(x[:, :0], torch.zeros_like(x), None, draw_of(2))
    assert not torch.equal(beside, again)


def test_what_is_held_out_is_never_shown():
    x = smooth_image(1, 33, 40)
    m = torch.ones(1, 1, 33, 40)
    problem = MissingPixels(x, m)
    kept = problem.hold_out(0.5, draw_of())
    beside, seen = ShownPixels(problem, 0.5).join(x, torch.zeros_like(x), kept, draw_of(1))
    assert torch.equal(beside[:, :1], x)  # z comes first
    assert torch.equal(beside[:, 2:] + seen, kept)


def test_fed_back_noise_is_gone_by_the_middle():
    problem, x = Problem(torch.rand(1, 3, 20, 24)), torch.full((1, 3, 20, 24), 0.5)
    fed = FedBack(problem, 0.2, iterations=40)
    fed.begin(0, torch.device("cpu"))

    def std(t):
        return float((fed.join(x[:, :0], x, None, draw_of(t))[0] - x).std())

    stds = [std(t) for t in range(22)]
    assert stds[0] == pytest.approx(0.2, rel=0.1)
    assert stds[10] == pytest.approx(0.1, rel=0.1)
    assert max(stds[20:]) < 1e-6
    fed.begin(10, torch.device("cpu"))  # goes on where a checkpoint ended
    assert std(10) == pytest.approx(stds[10], abs=1e-6)


@pytest.mark.parametrize("keys", [{"shown": 0.7}, {"feedback": 0.1}])
def test_a_fit_sees_it_and_resumes_to_the_same_bits(keys, tmp_path):
    x = smooth_image(3, 17, 13)

    beside = 4 if "shown" in keys else 3

    def made():
        torch.manual_seed(0)
        return Restoration.simulate(
            x, known=0.5, network=network(4 + beside), input_depth=4, iterations=12, **keys
        )

    whole, half = made(), made()
    trainer().fit(whole)
    first = trainer(max_steps=3)
    first.fit(half)
    first.save_checkpoint(tmp_path / "half.ckpt")
    resumed = made()
    trainer().fit(resumed, ckpt_path=tmp_path / "half.ckpt")
    assert resumed.iteration == 12
    assert torch.equal(whole(), resumed())
    assert whole.z.shape[1] == 4


def test_a_guided_fit_begins_with_what_is_classical_and_resumes_to_the_same_bits(tmp_path):
    x = smooth_image(3, 27, 23)

    def made():
        torch.manual_seed(0)
        seven = network(4 + 3)
        return Deblurring.simulate(
            x, gaussian_kernel(0.7), network=seven, input_depth=4, iterations=12, guide=0.1
        )

    whole, half = made(), made()
    trainer().fit(whole)
    first = trainer(max_steps=3)
    first.fit(half)
    first.save_checkpoint(tmp_path / "half.ckpt")
    resumed = made()
    trainer().fit(resumed, ckpt_path=tmp_path / "half.ckpt")
    assert torch.equal(whole(), resumed())
    guided = whole.conditioning
    assert torch.equal(guided.guide, whole.problem.guide())
    seen = guided.join(whole.z, whole.x_average, None, draw_of())[0][:, 4:]
    assert torch.equal(seen, guided.guide)  # the noise is gone


def test_the_noise_on_a_guide_stays_where_y_has_noise():
    x = smooth_image(3, 27, 23)
    for sigma, left in ((0.0, 0.0), (5.0, 0.1)):
        problem = BlurredImage.simulate(x, gaussian_kernel(0.7), sigma)
        guided = Guided(problem, 0.1, iterations=10)
        guided.begin(9, x.device)
        beside, _ = guided.join(x[:, :0], x, None, draw_of())
        assert float((beside - guided.guide).std()) == pytest.approx(left, abs=0.01)


def test_the_noise_on_a_guide_is_gone_at_four_fifths():
    x = smooth_image(3, 27, 23)
    guided = Guided(BlurredImage.simulate(x, gaussian_kernel(0.7)), 0.1, iterations=10)
    for iteration, left in ((0, 0.1), (6, 0.025), (8, 0.0)):
        guided.begin(iteration, x.device)
        beside, _ = guided.join(guided.guide[:, :0], guided.guide, None, draw_of())
        assert float((beside - guided.guide).std()) == pytest.approx(left, rel=0.1, abs=1e-6)


def test_the_noise_on_a_guide_stays_where_the_kernel_is_not_known():
    y = Blur(gaussian_kernel(0.7))(smooth_image(3, 37, 33))
    guided = Guided(BlindlyBlurredImage(y, (5, 5), 0.0), 0.1, iterations=10)
    guided.begin(9, y.device)
    beside, _ = guided.join(guided.guide[:, :0], guided.guide, None, draw_of())
    assert float((beside - guided.guide).std()) == pytest.approx(0.1, abs=0.01)


def test_the_noise_on_a_guide_stays_where_the_file_has_lost_something():
    x = smooth_image(3, 27, 23)
    for bounds in (True, False):
        problem = JPEGDecompression.simulate(x, 10, bounds=bounds).problem
        guided = Guided(problem, 0.1, iterations=10)
        guided.begin(9, x.device)
        beside, _ = guided.join(x[:, :0], x, None, draw_of())
        assert float((beside - guided.guide).std()) == pytest.approx(0.1, abs=0.01)


def test_the_noise_on_a_guide_covers_that_of_a_mosaic():
    x = smooth_image(3, 28, 22)
    for sigma, left in ((0.0, 0.0), (10.0, 50 / 255), (1.0, 0.05)):
        guided = Guided(RawMosaic.simulate(x, sigma=sigma), 0.05, iterations=10)
        guided.begin(9 if sigma == 0 else 0, x.device)
        beside, _ = guided.join(x[:, :0], x, None, draw_of())
        assert float((beside - guided.guide).std()) == pytest.approx(left, rel=0.1)


def test_the_guide_is_of_what_the_loss_may_see():
    x = smooth_image(3, 27, 23)
    problem = BlurredImage.simulate(x, gaussian_kernel(0.7))
    seen = problem.hold_out(0.3, draw_of())
    hidden = problem.y * seen
    found = problem.guide(seen)
    problem.y.copy_(hidden)
    assert torch.allclose(found, problem.guide(seen), atol=1e-5)
    assert not torch.allclose(found, problem.guide(), atol=1e-2)


def test_the_guide_is_on_the_device_of_the_fit():
    guided = Guided(RawMosaic.simulate(smooth_image(3, 28, 22)), 0.05, iterations=10)
    guided.begin(0, torch.device("meta"))
    assert guided.guide.is_meta


def test_what_cannot_be_is_refused():
    x = torch.rand(1, 3, 20, 24)
    rows = Problem(torch.rand(1, 3, 20), A=lambda x: x.mean(3), shape=(3, 20, 24))
    with pytest.raises(UserError, match=r"shown=0\.5: only where y has a value for each pixel"):
        conditioning(FitSettings(shown=0.5), rows)
    with pytest.raises(UserError, match=r"shown=0\.5 feedback=0\.1: give one of them"):
        DeepImagePrior(Problem(x), shown=0.5, feedback=0.1)
    with pytest.raises(UserError, match=r"guide=0\.1: only for task=deblurring"):
        DeepImagePrior(Problem(x), guide=0.1)
    with pytest.raises(UserError, match=r"shown=0\.5: the loss of this problem sees all of y"):
        DeepImagePrior(Problem(x, loss=lambda a, b: (a - b).abs().mean()), shown=0.5)
    with pytest.raises(UserError, match=r"validation=0\.1: only for tasks that fill"):
        DeepImagePrior(Problem(x), validation=0.1, output="combined")
    assert conditioning(FitSettings(), Problem(x)).channels == 0
