"""Operators of a user's own: what `operator=tests.operators.damages:Name` names."""

import random

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn


class Pooled(nn.Module):
    """Means over some columns, in units of its own."""

    def __init__(self, columns=3, gain=1):
        super().__init__()
        self.columns, self.gain = columns, gain

    def forward(self, x):
        return self.gain * F.avg_pool2d(x, (1, self.columns))


def of_images_alone(x):
    """Half of x, which has to be an image."""
    assert 0 <= x.min() <= x.max() <= 1
    return 0.5 * x


class Fourier(nn.Module):
    """As a deepinv Physics: some coefficients, which the seed chooses, and noise in its call."""

    def __init__(self, img_size, keep=0.5, **unused):
        super().__init__()
        self.img_size = img_size
        self.register_buffer("mask", (torch.rand(img_size[-2:]) < keep).float())

    def A(self, x, **unused):  # noqa: N802 - deepinv's name
        return self.mask * torch.fft.fft2(x, norm="ortho")

    def A_adjoint(self, y):  # noqa: N802
        raise NotImplementedError

    def forward(self, x):
        return self.A(x) + torch.randn(())


class Drawn(nn.Module):
    def __init__(self):
        super().__init__()
        self.drawn = [float(torch.rand(())), random.random(), np.random.rand()]  # noqa: NPY002, S311

    def forward(self, x):
        return 2 * x


class Tired:
    """Falls over after some calls."""

    def __init__(self, calls: int, error=RuntimeError):
        self.left, self.error = calls, error

    def __call__(self, x):
        self.left -= 1
        if self.left < 0:
            raise self.error("fell over")
        return 2 * x


def squashed(x, gain=2.0):
    return torch.tanh(gain * x)


def columns(x):
    return x.mean((1, 2))[0]  # (W,)


def scaled(factor, *, offset):
    return lambda x: factor * x + offset


def too_large(sigma):
    raise ValueError(f"sigma={sigma} is too large")


def shaky(x):
    return x + torch.rand_like(x)


def nothing():
    return None


made = Pooled(2)
value = 3
