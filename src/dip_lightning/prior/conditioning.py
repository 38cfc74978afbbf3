"""What the network sees beside z, drawn anew in each iteration."""

import math

import torch
from torch import Tensor

from dip_lightning.errors import UserError
from dip_lightning.prior.problem import Problem
from dip_lightning.prior.settings import FitSettings

COVER = 5  # noise over a noisy guide, as a multiple of that: docs/benchmarks.md, Mosaics


class Conditioning:
    """What the network sees: z alone. Subclasses add channels of their own.

    Attributes:
        channels: how many beside z.
    """

    channels = 0

    def begin(self, iteration: int, device: torch.device, seen: Tensor | None = None) -> None:
        """Go on after so many iterations, on the device of the fit; `seen` as in `join`."""

    def join(
        self, z: Tensor, x_average: Tensor, seen: Tensor | None, generator: torch.Generator
    ) -> tuple[Tensor, Tensor | None]:
        """Add the channels of one iteration to z, all in place for a CUDA graph.

        Args:
            z: perturbed input, (1, depth, H, W).
            x_average: averaged output so far, (1, C, H, W).
            seen: which values of y the loss may see; None: all.
            generator: source of randomness, on z's device.

        Returns:
            What the network sees, (1, depth + channels, H, W), and which values of y the loss may
            see.
        """
        del x_average, generator
        return z, seen


class ShownPixels(Conditioning):
    """Show the network a part of the known pixels; the loss counts the others, which it predicts.

    The channels are s y and s, where s is a fresh draw: 1 with probability `share` at a known
    pixel, else 0.

    Args:
        problem: y has a value for each pixel of x.
        share: of the known pixels, above 0 and below 1.

    Raises:
        UserError: y's values are not pixels of x.

    Source: after Quan et al., "Self2Self with dropout: learning self-supervised denoising from
        single image", CVPR 2020.
    """

    def __init__(self, problem: Problem, share: float) -> None:
        if tuple(problem.y.shape[1:]) != problem.shape or problem.y.is_complex():
            raise UserError(
                f"shown={share}: only where y has a value for each pixel of x; leave it out"
            )
        self.problem, self.share = problem, share
        self.channels = problem.shape[0] + problem.known_values().shape[1]

    def join(
        self, z: Tensor, x_average: Tensor, seen: Tensor | None, generator: torch.Generator
    ) -> tuple[Tensor, Tensor | None]:
        """Draw s, and add both channels."""
        seen = self.problem.known_values() if seen is None else seen
        chances = torch.rand(x_average[:, :1].shape, generator=generator, device=x_average.device)
        drawn = (chances < self.share).to(x_average)
        shown = (seen * drawn).expand(-1, -1, *x_average.shape[2:])
        return torch.cat([z, shown * self.problem.y, shown], 1), seen * (1 - drawn)


class Faded(Conditioning):
    """Show the network an image, under noise that is gone by a share of the fit.

    The channels are image + s max(0, 1 - t / (a T)) N(0, 1), in iteration t of T; a is `faded_at`.

    Args:
        problem: what is asked.
        std: s.
        iterations: T.
    """

    faded_at = 0.5

    def __init__(self, problem: Problem, std: float, iterations: int) -> None:
        self.problem, self.std, self.channels = problem, std, problem.shape[0]
        self.faded = self.faded_at * iterations
        self.t = problem.y.real.new_zeros(())  # a tensor, for a CUDA graph

    def begin(self, iteration: int, device: torch.device, seen: Tensor | None = None) -> None:
        """Go on after so many iterations, on the device of the fit."""
        del seen
        self.t = torch.tensor(float(iteration), device=device)

    def image(self, x_average: Tensor) -> Tensor:
        """Return the image, (1, C, H, W)."""
        raise NotImplementedError

    def join(
        self, z: Tensor, x_average: Tensor, seen: Tensor | None, generator: torch.Generator
    ) -> tuple[Tensor, Tensor | None]:
        """Draw the noise, and add the image under it."""
        image = self.image(x_average)
        noise = torch.empty_like(image).normal_(generator=generator)
        beside = image + self.std * (1 - self.t / self.faded).clamp(min=0) * noise
        self.t.add_(1)
        return torch.cat([z, beside], 1), seen


class FedBack(Faded):
    """Show the network its own averaged output.

    Source: after "Self-diffusion for solving inverse problems", NeurIPS 2025.
    """

    def image(self, x_average: Tensor) -> Tensor:
        """Return the average."""
        return x_average


class Guided(Faded):
    """Show the network what a classical method makes of y, so that it has the rest to find.

    Where the guide is faulty, the noise over it stays, so that it is not copied: where y has noise,
    the guide has some of it; where a part of A is unknown, it has that part's faults. Of a guide as
    noisy as y, it is five times as strong at least.

    Raises:
        UserError: the problem has no classical method for that.
    """

    faded_at = 0.8  # any sooner, and it copies the faults of the guide: docs/deblurring.md

    def __init__(self, problem: Problem, std: float, iterations: int) -> None:
        super().__init__(problem, std, iterations)
        if not problem.has_guide:
            raise UserError(
                f"guide={std}: only for task=deblurring, blind_deblurring, demosaicing and jpeg; "
                "leave it out"
            )
        self.std = max(std, COVER * problem.guide_noise_std)
        if problem.guide_is_faulty:
            self.faded = math.inf

    def begin(self, iteration: int, device: torch.device, seen: Tensor | None = None) -> None:
        """Compute the guide, from what the loss may see."""
        super().begin(iteration, device)
        self.guide = self.problem.guide(seen).to(device)  # a classical method may be the CPU's

    def image(self, x_average: Tensor) -> Tensor:
        """Return the guide."""
        del x_average
        return self.guide


def conditioning(settings: FitSettings, problem: Problem) -> Conditioning:
    """Choose what the settings ask for.

    Raises:
        UserError: the problem has no such pixels.
    """
    if settings.shown:
        return ShownPixels(problem, settings.shown)
    if settings.feedback is not None:
        return FedBack(problem, settings.feedback, settings.iterations)
    if settings.guide is not None:
        return Guided(problem, settings.guide, settings.iterations)
    return Conditioning()


def inputs(settings: FitSettings, problem: Problem) -> int:
    """Return how many channels the network sees: `input_depth` of z, and those beside it.

    Raises:
        UserError: see `conditioning`.

    Example:
        >>> import torch
        >>> from dip_lightning import Problem
        >>> from dip_lightning.prior.conditioning import inputs
        >>> from dip_lightning.prior.settings import FitSettings
        >>> inputs(FitSettings(input_depth=32, feedback=0.1), Problem(torch.rand(1, 3, 20, 24)))
        35
    """
    return settings.input_depth + conditioning(settings, problem).channels
