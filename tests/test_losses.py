import pytest
import torch

from dip_lightning.losses import expected_deviance, masked_mse, mse, poisson_deviance


def test_mse_is_the_mean_of_squares():
    assert mse(torch.tensor([[[[0.0, 0.5]]]]), torch.tensor([[[[1.0, 0.5]]]])) == 0.5


def test_masked_mse_divides_by_all_pixels():
    m = torch.tensor([[[[1.0, 0.0, 0.0, 1.0]]]])
    x_hat, y = torch.tensor([[[[1.0, 9, 9, 0]]]]), torch.zeros(1, 1, 1, 4)
    assert masked_mse(x_hat, y, m) == 0.25


def test_masked_mse_of_everything_known_is_mse():
    a, b = torch.rand(1, 3, 5, 7), torch.rand(1, 3, 5, 7)
    torch.testing.assert_close(masked_mse(a, b, torch.ones(1, 1, 5, 7)), mse(a, b))


def test_missing_pixels_get_no_gradient():
    m = torch.tensor([[[[1.0, 0.0]]]])
    x_hat = torch.tensor([[[[0.3, 0.4]]]], requires_grad=True)
    masked_mse(x_hat, torch.zeros(1, 1, 1, 2), m).backward()
    assert x_hat.grad[..., 1] == 0
    assert x_hat.grad[..., 0] != 0


def counted(mean, peak):
    draw = torch.Generator().manual_seed(0)
    return torch.poisson(torch.full((1, 1, 400, 500), peak * mean), draw) / peak


def test_the_deviance_is_twice_the_likelihood_less_its_best():
    x, y = torch.full((1, 3, 9, 7), 0.3), counted(0.4, 20.0)[..., :9, :7].expand(1, 3, 9, 7)
    likelihood = [torch.distributions.Poisson(20 * m + 1e-9).log_prob(20 * y) for m in (x, y)]
    expected = 2 * (likelihood[1] - likelihood[0]).mean()
    assert float(poisson_deviance(x, y, 20)) == pytest.approx(float(expected), rel=1e-3)
    assert float(poisson_deviance(y, y, 20)) == pytest.approx(0, abs=1e-3)


def test_black_has_a_gradient_whatever_was_counted():
    x = torch.zeros(1, 1, 2, 2, requires_grad=True)
    y = torch.tensor([[[[0.1, 0.1], [0.0, 0.0]]]])
    loss = poisson_deviance(x, y, 30)
    loss.backward()
    assert loss.isfinite()
    assert (x.grad[..., 0, :] < 0).all()
    torch.testing.assert_close(x.grad[..., 1, :], torch.full((1, 1, 2), 2 * 30 / 4))


def test_missing_counts_do_not_count():
    y, m = counted(0.4, 20.0)[..., :9, :8], torch.zeros(1, 1, 9, 8)
    m[..., :4] = 1
    half = poisson_deviance(torch.full_like(y, 0.3), y, 20, m)
    part = poisson_deviance(torch.full_like(y, 0.3)[..., :4], y[..., :4], 20)
    torch.testing.assert_close(half, part / 2)
    assert expected_deviance(0.3 * m, 20, m) == pytest.approx(expected_deviance(m[..., :4], 6) / 2)


@pytest.mark.parametrize("is_clipped", [False, True])
@pytest.mark.parametrize("peak", [0.5, 4.0, 30.0, 500.0])
@pytest.mark.parametrize("mean", [0.02, 0.3, 0.9, 1.0])
def test_the_expected_deviance_is_that_of_many_draws(mean, peak, is_clipped):
    y = counted(mean, peak)
    y = y.clamp(max=1) if is_clipped else y
    x = torch.full_like(y, mean)
    expected = expected_deviance(x[..., :2, :2], peak, is_clipped=is_clipped)
    assert float(poisson_deviance(x, y, peak)) == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize("peak", [100, 10_000, 1_000_000])
def test_the_dark_costs_nothing_where_there_are_many_photons(peak):
    x = torch.zeros(1, 1, 60, 60)
    x[..., 20:30, 20:40] = 0.8
    y = torch.poisson(peak * x, torch.Generator().manual_seed(0)) / peak
    assert float(poisson_deviance(x, y, peak)) < 1.1 * expected_deviance(x, peak) + 0.002
