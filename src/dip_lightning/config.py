"""The typed configuration of one job: every key, its meaning, its default and its range."""

import re
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

from dip_lightning.errors import UserError
from dip_lightning.keys import key, names_of
from dip_lightning.limits import (
    ANGLES,
    DEVICES,
    KERNEL_SIZES,
    KERNEL_STARTS,
    LENGTHS,
    NOISES,
    PATTERNS,
    QUALITIES,
    RADII,
    SIGMAS,
    SIZE,
    SUBSAMPLINGS,
)
from dip_lightning.prior.settings import FitSettings

T = TypeVar("T")

CONFIG_NAME = "dip"  # conf/dip.yaml
DEFAULT_IMAGE = "chelsea"  # where neither image nor observed is given
PATH_KEYS = ("image", "observed", "mask", "kernel", "input_image")
KERNELS = {"gaussian": ("blur_sigma",), "disk": ("radius",), "motion": ("length", "angle")}
DRAWN = {"mask": ("hole", "text"), "kernel": tuple(KERNELS)}  # names that are no file's
MASK_MEANINGS = ("known", "missing")
OBSERVATIONS = {
    "sr": ("lanczos2", "pillow"),
    "denoising": (*NOISES, "clean", "shuffled", "noise"),
}
# psnr_holdout needs no ground truth.
OBJECTIVES = (
    *("psnr_average", "psnr_result", "psnr"),
    *("psnr_y_average", "ssim_average", "psnr_holdout"),
)
FASTER = ("auto", "none", "graph")  # auto: a graph on CUDA
SHARED, FACTORS = 16, 6  # by tiles at least, pixels and (sr) times the factor
LOGGERS = ("wandb", "csv", "none")
LOGGER_MODES = ("auto", "online", "offline")
KERNEL_KEYS = tuple(name for names in KERNELS.values() for name in names)
KERNEL_NEEDS = ("radius", "length")  # the others have a usual value
LEVELS = {"sigma": "gaussian", "peak": "poisson"}  # of each kind of noise
MAY_BE_NULL = ("mask", "size", "nodata", "keep_known", "kernel", *KERNEL_KEYS, *LEVELS)
TASK_KEYS = {
    "factor": {"sr"},
    "observation": {"sr", "denoising"},
    "noise": {"denoising"},
    "peak": {"denoising"},
    "sigma": {"sr", "denoising", "demosaicing", "deblurring", "blind_deblurring", "operator"},
    "kernel": {"deblurring", "blind_deblurring"},
    **{name: {"deblurring", "blind_deblurring"} for name in KERNEL_KEYS},
    "kernel_size": {"blind_deblurring"},
    "kernel_start": {"blind_deblurring"},
    "kernel_lr": {"blind_deblurring"},
    "pattern": {"demosaicing"},
    "color_smoothness": {"demosaicing"},
    "back_projection": {"deblurring", "blind_deblurring"},
    "quality": {"jpeg"},
    "subsampling": {"jpeg"},
    "bounds": {"jpeg", "sr"},
    "centering": {"jpeg"},
    "size": {"operator"},
    "known": {"restoration"},
    "per_channel": {"restoration"},
    "mask": {"inpainting", "restoration"},
    "mask_means": {"inpainting", "restoration"},
    "mask_grow": {"inpainting", "restoration"},
    "nodata": {"inpainting", "restoration"},
    "keep_known": {"inpainting", "restoration", "demosaicing"},
}


@dataclass
class Config(FitSettings):
    """All settings of one job; flat keys, spelled the same everywhere."""

    task: str = key("denoising", "what to undo (group)")
    network: dict[str, Any] = key({}, "the generator (group); its options are network.<key>")
    preset: str = key("fast", "settings that belong together (group)")
    logger: dict[str, Any] = key({}, "where curves and images go (group)", affects="nothing")
    study: str | None = key(None, "an experiment of the study (group)", affects="nothing")
    budget: str = key("paper", "how much of an experiment to compute (group)", affects="record")
    max_iterations: int | None = key(None, "limit of iterations, whatever asks for more", low=1)
    max_side: int | None = key(None, "cut larger images to their centre, pixels", low=8)
    tile: int | None = key(None, "fit tiles of this side, pixels; null: the image at once", low=64)
    overlap: int | None = key(None, "pixels that tiles share; null: an eighth of tile", low=8)

    image: str | None = key(None, "ground truth: file, folder, sample or collection/name")
    observed: str | None = key(None, "a damaged image of yours: file or folder; excludes image")
    mask: str | None = key(None, "known pixels are white: file, folder, or hole/text, drawn")
    factor: int | None = key(None, "sr: enlargement", low=2, high=32)
    noise: str | None = key(
        None,
        "denoising: white noise of one strength, or photons that are counted: stronger where it "
        "is brighter",
        choices=NOISES,
    )
    observation: str | None = key(
        None, "sr, denoising: how y is made from image", choices=sum(OBSERVATIONS.values(), ())
    )
    peak: float | None = key(
        None,
        "noise=poisson: photons at white, few are noisy; null: 30 for image, that of observed is "
        "estimated",
        above=0,
        high=1e7,
    )
    sigma: float | None = key(
        None,
        "sr, denoising, demosaicing, (blind_)deblurring, operator: standard deviation of white "
        "noise, 8-bit grey levels, added to image or told of observed; null: estimated of observed",
        low=0,
        high=255,
    )
    kernel: str | None = key(
        None,
        "deblurring, blind_deblurring with image: file of the blur, or gaussian, disk, motion, "
        "drawn",
    )
    blur_sigma: float | None = key(
        None,
        "kernel=gaussian: standard deviation, pixels; null: 1.6",
        low=SIGMAS[0],
        high=SIGMAS[1],
    )
    radius: float | None = key(None, "kernel=disk: its radius, pixels", low=RADII[0], high=RADII[1])
    length: int | None = key(
        None, "kernel=motion: odd number of pixels", low=LENGTHS[0], high=LENGTHS[1]
    )
    angle: float | None = key(
        None,
        "kernel=motion: from the horizontal, counterclockwise, degrees; null: 0",
        low=ANGLES[0],
        high=ANGLES[1],
    )
    kernel_size: int | None = key(
        None,
        "blind_deblurring: side of the kernel to find, odd number of pixels",
        low=KERNEL_SIZES[0],
        high=KERNEL_SIZES[1],
    )
    kernel_start: str | None = key(
        None,
        "blind_deblurring: kernel to begin with, by a classical method or the same everywhere",
        choices=KERNEL_STARTS,
    )
    kernel_lr: float | None = key(
        None, "blind_deblurring: learning rate of the kernel", above=0, high=10
    )
    pattern: str | None = key(
        None, "demosaicing: colours of the upper left 2 x 2 pixels", choices=PATTERNS
    )
    color_smoothness: float | None = key(
        None, "demosaicing: weight of steps in red - green and blue - green, beside the loss", low=0
    )
    back_projection: float | None = key(
        None, "(blind_)deblurring: weight of the residual with the blur undone, beside it", low=0
    )
    quality: int | None = key(
        None, "jpeg: at which image is encoded", low=QUALITIES[0], high=QUALITIES[1]
    )
    subsampling: str | None = key(
        None, "jpeg: of the colours, as image is encoded", choices=SUBSAMPLINGS
    )
    bounds: bool | None = key(
        None,
        "jpeg, sr of a JPEG: fit what the file leaves open; false: its pixels, as they are",
    )
    centering: float | None = key(
        None, "jpeg, bounds=true: weight of the distance to the file's own coefficients", low=0
    )
    operator: dict[str, Any] = key(
        {}, "operator: module:name or file.py:name of your own; operator.<argument> for its own"
    )
    size: str | None = key(None, "operator: of what is restored, HxW or CxHxW; null: it says so")
    known: float | None = key(None, "restoration: fraction of pixels kept", above=0, high=1)
    per_channel: bool | None = key(None, "restoration: drop channels of a pixel independently")
    mask_means: str | None = key(None, "what white in a mask file means", choices=MASK_MEANINGS)
    mask_grow: float | None = key(
        None, "mask files: widen what is missing by so many pixels", low=0, high=1000
    )
    nodata: float | None = key(
        None, "masks: stored value of missing pixels, beside NaN and infinity"
    )
    keep_known: bool | None = key(
        None, "paste the known pixels into the result; null: unless they are noisy"
    )

    chunk: int | None = key(
        None,
        "iterations per Lightning step, at most 10 in one; null: by their speed",
        low=1,
        affects="nothing",
    )
    input_image: str | None = key(None, "input_type=image: the file, of the result's size")
    objective: str = key(
        "psnr_average", "what a job returns to search=optuna", choices=OBJECTIVES, affects="nothing"
    )

    device: str = key("auto", "where to compute", choices=DEVICES)
    accelerate: str = key("auto", "on CUDA: fused kernels, an iteration as a graph", choices=FASTER)
    threads: int | None = key(
        None, "CPU threads; null: all cores", low=1, high=1024, affects="record"
    )
    recursive: bool = key(
        False, "take the images in subfolders of a folder, too", affects="nothing"
    )
    resume: bool = key(
        True,
        "go on where the same command ended; a single run: in its folder, or if typed",
        affects="nothing",
    )
    checkpoint_seconds: float = key(
        60.0,
        "time between checkpoints, more where writing is slow; 0: after each chunk",
        low=0,
        affects="nothing",
    )
    log_every: int = key(10, "iterations between rows of history.csv", low=1, affects="record")
    diagnose: bool = key(
        False, "write diagnostics.csv: gradients, steps, Adam, batch norm", affects="record"
    )

    def check(self) -> None:
        """Check every value by itself, then those that depend on each other.

        Raises:
            UserError: names the key, its value and what is allowed.
        """
        self.check_fit()
        self._check_logger()
        self._check_task_keys()
        self._check_noise()
        self._check_kernel()
        self._check_operator()
        self._check_images()
        self._check_tiles()

    def spend(self) -> None:
        """Keep within `max_iterations`; the warm-up keeps its share of the fit."""
        if self.max_iterations is not None and self.max_iterations < self.iterations:
            if self.warmup is not None:
                self.warmup = self.warmup * self.max_iterations // self.iterations
            self.iterations = self.max_iterations

    def _check_logger(self) -> None:
        name, mode = self.logger.get("name"), self.logger.get("mode", "auto")
        if name not in LOGGERS:
            raise UserError(f"logger.name={name}: choose one of {', '.join(LOGGERS)}")
        if mode not in LOGGER_MODES:
            raise UserError(f"logger.mode={mode}: choose one of {', '.join(LOGGER_MODES)}")

    def _check_task_keys(self) -> None:
        for name, tasks in TASK_KEYS.items():
            value = getattr(self, name)
            if value is None and self.task in tasks and name not in MAY_BE_NULL:
                raise UserError(f"{name}=null: task={self.task} needs a value; see --help")
            if value is not None and self.task not in tasks:
                raise UserError(
                    f"{name}={value}: only for task={' and task='.join(sorted(tasks))}, "
                    f"but task={self.task}"
                )
        allowed = OBSERVATIONS.get(self.task, ())
        if self.observation is not None and self.observation not in allowed:
            raise UserError(
                f"observation={self.observation}: for task={self.task}, "
                f"choose one of {', '.join(allowed)}"
            )

    def _check_noise(self) -> None:
        for name, kind in LEVELS.items():
            value, noise = getattr(self, name), self.noise or "gaussian"
            if value is not None and noise != kind:
                raise UserError(f"{name}={value}: only for noise={kind}, but noise={noise}")
            is_needed = self.observed is None and self.task in TASK_KEYS[name] and noise == kind
            if value is None and is_needed:
                raise UserError(f"{name}=null: task={self.task} needs a value with image=")
        if "poisson" in {self.noise, self.observation} and self.noise != self.observation:
            told = "leave it out with" if self.noise == "poisson" else "needs"
            raise UserError(f"observation={self.observation}: {told} noise=poisson")

    def _check_kernel(self) -> None:
        needed = KERNELS.get(self.kernel or "", ())
        for name in KERNEL_KEYS:
            value = getattr(self, name)
            if value is None and name in needed and name in KERNEL_NEEDS:
                raise UserError(f"{name}=null: kernel={self.kernel} needs a value")
            if value is not None and name not in needed:
                kernel = next(kernel for kernel, names in KERNELS.items() if name in names)
                given = "null" if self.kernel is None else self.kernel
                raise UserError(f"{name}={value}: only for kernel={kernel}, but kernel={given}")
        for name in ("length", "kernel_size"):
            value = getattr(self, name)
            if value is not None and value % 2 == 0:
                raise UserError(f"{name}={value}: expected an odd number of pixels")

    def _check_operator(self) -> None:
        name, is_own = self.operator.get("name"), self.task == "operator"
        if self.operator and not is_own:
            key, value = next(iter(self.operator.items()))
            typed = "operator" if key == "name" else f"operator.{key}"
            raise UserError(f"{typed}={value}: only for task=operator, but task={self.task}")
        if is_own and not isinstance(name, str):
            raise UserError(
                f"operator={name}: task=operator needs operator=module:name or file.py:name; "
                "in Python, give your operator to dip.Problem"
            )
        if is_own and self.tile is not None:
            raise UserError(f"tile={self.tile}: your own operator sees the whole image")
        if is_own and self.observed is not None and self.max_side is not None:
            raise UserError(
                f"max_side={self.max_side}: only with image=; what was measured stays whole"
            )
        if self.size is not None and not re.fullmatch(SIZE, self.size):
            raise UserError(f"size={self.size}: expected HxW or CxHxW, such as 3x256x320")
        if self.size is not None and self.observed is None:
            raise UserError(f"size={self.size}: only with observed=; image= has a size")

    def _check_images(self) -> None:
        if self.image is not None and self.observed is not None:
            raise UserError(
                f"image={self.image} observed={self.observed}: give one of the two, "
                "the ground truth to be degraded or the damaged image itself"
            )
        if self.observed is not None and self.kernel is not None and self.kernel_size is not None:
            raise UserError(
                f"kernel={self.kernel}: task={self.task} finds the kernel of observed=; leave it "
                "out, or choose task=deblurring, which is told"
            )
        if self.observed is not None and self.mask in DRAWN["mask"]:
            raise UserError(
                f"mask={self.mask}: is drawn over a ground truth (image=) only; "
                "with observed=, give the file of its mask"
            )
        if self.input_type == "image" and self.input_image is None:
            raise UserError("input_type=image: needs input_image=, the file to use")
        if self.input_type != "image" and self.input_image is not None:
            raise UserError(f"input_image={self.input_image}: needs input_type=image")
        if self.objective == "psnr_holdout" and not self.holdout:
            raise UserError(f"objective={self.objective}: needs holdout=, such as holdout=0.1")

    def _check_tiles(self) -> None:
        least = FACTORS * (self.factor or 0)
        if self.tile is None and self.overlap is not None:
            raise UserError(f"overlap={self.overlap}: needs tile=, the side of the tiles")
        if self.tile is not None and self.shared < least:
            raise UserError(f"overlap={self.overlap}: expected at least {least} with this factor")
        if self.tile is not None and 2 * self.shared >= self.tile:
            raise UserError(f"tile={self.tile}: expected more than twice overlap={self.shared}")

    @property
    def shared(self) -> int:
        """Pixels that neighbouring tiles share."""
        return self.overlap or max(SHARED, FACTORS * (self.factor or 0), (self.tile or 0) // 8)

    def fit(self) -> dict[str, Any]:
        """Return the settings of the fit itself: arguments of `DeepImagePrior`."""
        return {entry.name: getattr(self, entry.name) for entry in fields(FitSettings)}

    def identity(self) -> dict[str, Any]:
        """Return the settings that the result depends on; two fits with the same are the same."""
        return {name: value for name, value in asdict(self).items() if name not in UNIMPORTANT}

    @property
    def name(self) -> str:
        """Short name of the image, for folders and runs."""
        return image_name(self.image, self.observed)


UNIMPORTANT = names_of(Config, "nothing")  # two jobs that differ in these only are the same
ASIDE = UNIMPORTANT | names_of(Config, "record")  # results are not compared by these


def value_of(setting: T | None) -> T:
    """Return a setting that `Config.check` has found not to be null."""
    assert setting is not None  # noqa: S101 - checked
    return setting


def image_name(image: str | None, observed: str | None) -> str:
    """Name an image by its file's stem."""
    path = Path(observed or image or DEFAULT_IMAGE)
    return path.stem if path.suffix else path.name or path.resolve().name


def config_folder() -> Path:
    """Find conf/: beside the package where it is installed, else at the top of the checkout."""
    package = Path(__file__).resolve().parent
    for folder in (package / "conf", package.parents[1] / "conf"):
        if (folder / f"{CONFIG_NAME}.yaml").is_file():
            return folder
    raise UserError(f"conf: no folder with {CONFIG_NAME}.yaml beside {package.name}; reinstall it")
