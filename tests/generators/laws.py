"""What holds for every generator."""

import torch

SIZES = ((8, 8), (17, 13), (33, 64))


def make(network, options, inputs=4, outputs=3, seed=0):
    return network(inputs, outputs, options, torch.Generator().manual_seed(seed))


def check_generator(network, options):
    for size in SIZES:
        for outputs in (1, 3, 5):
            z = torch.rand(1, 4, *size, generator=torch.Generator().manual_seed(1))
            x_hat = make(network, options, outputs=outputs)(z)
            assert x_hat.shape == (1, outputs, *size)
            assert x_hat.dtype == torch.float32
            assert x_hat.min() > 0
            assert x_hat.max() < 1
    low = make(network, options, outputs=5)(z.bfloat16())
    assert low.dtype == torch.float32
    torch.testing.assert_close(low, x_hat, rtol=0, atol=0.1)
    torch.manual_seed(1)
    first = make(network, options, seed=7)
    torch.manual_seed(2)
    second, third = make(network, options, seed=7), make(network, options, seed=8)
    assert torch.equal(first(z), second(z))
    assert not torch.equal(first(z), third(z))
    first(z).square().mean().backward()
    for name, parameter in first.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
