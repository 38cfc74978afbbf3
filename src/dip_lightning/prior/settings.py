"""The settings of a fit: every one, its meaning, its default and its range."""

from dataclasses import dataclass, fields

from dip_lightning.errors import UserError
from dip_lightning.keys import check_range, key

OUTPUTS = ("combined", "average", "last")
WARMUP = 50  # iterations at most, where nothing else is said


@dataclass
class FitSettings:
    """Settings of a fit: the keyword arguments of every prior, and keys of the command.

    Each field is described, with its range, in its declaration below and in `--help`.

    Example:
        >>> from dip_lightning.prior.settings import FitSettings
        >>> FitSettings(lr=0.02).iterations
        2000
    """

    optimizer: str = key("adam", "what changes the weights", choices=("adam", "muon"))
    muon_rounds: int = key(
        5, "optimizer=muon: Newton-Schulz steps; 5 is Muon, fewer fit noise later", low=1, high=5
    )
    lr: float = key(0.01, "learning rate", above=0, high=10)
    iterations: int = key(2000, "length of the fit", low=1)
    schedule: str = key(
        "constant",
        "course of the learning rate; halved: after 40, 60 and 80 % of the fit",
        choices=("constant", "halved", "warmup_cosine"),
    )
    warmup: int | None = key(
        None, "warmup_cosine: iterations of linear rise; null: 50, at most a tenth", low=0
    )
    beta2: float = key(0.999, "Adam's decay of the squared gradients", low=0, high=0.999999)
    epsilon: float = key(1e-8, "added to the root of Adam's squared gradients", above=0)
    guard: float | None = key(
        None, "limit of a step, in usual lengths, against sudden drops", low=1
    )
    lr_end: float = key(0.02, "warmup_cosine: last learning rate / lr", low=0, high=1)

    input_depth: int = key(32, "channels of z", low=1, high=1024)
    input_type: str = key(
        "uniform", "kind of z", choices=("uniform", "normal", "meshgrid", "image")
    )
    input_scale: float = key(0.1, "factor of a random z", above=0)
    noise_std: float = key(0.03, "noise added to z at each iteration, std", low=0)

    shown: float = key(
        0.0,
        "fraction of y's known pixels that the network sees, to predict the others; 0: none",
        low=0,
        high=0.99,
    )
    feedback: float | None = key(
        None,
        "noise on the averaged output, shown to the network beside z, std; null: not shown",
        low=0,
    )
    guide: float | None = key(
        None,
        "noise on a classical method's result, shown to the network beside z, std; null: not shown",
        low=0,
    )
    validation: float = key(
        0.0,
        "fraction of single known pixels kept from the loss at first, to weigh the result",
        low=0,
        high=0.5,
    )
    holdout: float = key(
        0.0, "fraction of y's known pixels that the loss does not see", low=0, high=0.9
    )
    discrepancy: float | None = key(
        None,
        "end when the result's loss / noise power is this; more: smoother; 0: never; null: "
        "0.96 where the noise is known",
        low=0,
    )
    average: float = key(0.99, "decay of the averaged output", low=0, high=0.99999)
    output: str = key(
        "average",
        "the result; combined: the average, with a classical method and with y",
        choices=OUTPUTS,
    )
    seed: int = key(0, "of every random draw", low=0, high=2**31 - 1)
    precision: str = key("auto", "of the inner layers", choices=("auto", "float32", "bfloat16"))
    chunk: int | None = key(
        1, "iterations per Lightning step, at most 10 in one; null: by their speed", low=1
    )

    def check_fit(self) -> None:
        """Check every setting, those of a subclass included.

        Raises:
            UserError: names the setting, its value and what is allowed.
        """
        for entry in fields(self):
            check_range(entry, getattr(self, entry.name))
        if self.schedule == "warmup_cosine" and self.rise >= self.iterations:
            raise UserError(
                f"warmup={self.rise}: expected less than iterations ({self.iterations})"
            )
        beside = {"shown": self.shown or None, "feedback": self.feedback, "guide": self.guide}
        given = [f"{name}={value}" for name, value in beside.items() if value is not None]
        if len(given) > 1:
            raise UserError(f"{' '.join(given)}: give one of them")

    @property
    def rise(self) -> int:
        """Number of iterations over which the learning rate rises."""
        return min(WARMUP, self.iterations // 10) if self.warmup is None else self.warmup


def fit_settings(given: dict[str, object]) -> FitSettings:
    """Check keyword arguments of a fit.

    Raises:
        UserError: one is unknown, or has a value that is not allowed.
    """
    known = [entry.name for entry in fields(FitSettings)]
    for name, value in given.items():
        if name not in known:
            raise UserError(f"{name}={value}: unknown argument; choose one of {', '.join(known)}")
    settings = FitSettings(**given)  # type: ignore[arg-type]
    settings.check_fit()
    return settings
