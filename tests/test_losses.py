import torch

from dip_lightning.losses import masked_mse, mse


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
