"""One call: an image in, the restored image out."""

import copy
import io
import os
import signal
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from lightning_fabric.plugins.environments.lightning import LightningEnvironment
from numpy.typing import NDArray
from PIL import Image as PillowImage
from pytorch_lightning import Trainer
from torch import Tensor, nn

from dip_lightning import compute, outcome, tasks
from dip_lightning.building import build_prior, check_memory
from dip_lightning.callbacks import Bar, History
from dip_lightning.compute import acceleration
from dip_lightning.config import DRAWN, KERNEL_KEYS, TASK_KEYS, Config
from dip_lightning.errors import UserError
from dip_lightning.images import (
    Decoded,
    Format,
    Picture,
    kernel_of_image,
    preview,
    read_kernel,
    to_pillow,
    understood_kernel,
)
from dip_lightning.images.exchange import as_decoded, of_pillow, way_back
from dip_lightning.images.jpeg import read_coefficients
from dip_lightning.images.masks import doubt, understood
from dip_lightning.loading import damaged, kernel_file, white
from dip_lightning.operators.jpeg import Coefficients
from dip_lightning.outcome import Fitted, Outcome
from dip_lightning.presets import configure
from dip_lightning.prior import health
from dip_lightning.prior.conditioning import inputs
from dip_lightning.prior.deep_image_prior import DeepImagePrior
from dip_lightning.prior.problem import Problem
from dip_lightning.process_wide import as_pytorch_begins, without_lightnings_messages
from dip_lightning.tasks.given import OF_ROUNDED, Given

Image = TypeVar("Image", NDArray[Any], Tensor, PillowImage.Image, str, Path)
TOLD = "deblurring"  # the task that takes a kernel
ARRAY = Path("array")  # in place of a file, for messages


@dataclass(frozen=True)
class Restored(Generic[Image]):
    """A restored image; it shows itself in a notebook.

    Attributes:
        image: the result, of the same kind, shape and type as the input, enlarged if the task
            enlarges; a NumPy array if the input was a path.
        last: the last iterate, in the same form.
        std: how much the fit's outputs vary at each pixel, a standard deviation in the units of
            `image`, (H, W, C); large where the result is uncertain.
        history: a row for every tenth iteration, or what `log_every` says: iteration, loss, psnr,
            psnr_average, seconds.
        metrics: status, iterations, loss, seconds; result: which output it is; fit_weight: weight
            of the fit against a classical method, None: it is the fit alone; polished: whether
            its similar patches were made alike; `stopping`: what ended the fit; `y_noise_std`:
            the noise at which it was to end, image in [0, 1]; `noise_level`: "told" or
            "estimated"; `psnr_holdout`: PSNR of the held-out values; `diagnosis`: what is wrong
            with the fit, a word as in metrics.json, or None.
        prior: the fit itself.
        kernel: the blur kernel found with the image, (kh, kw), which sums to 1; None: none was
            looked for.

    Example:
        >>> import torch
        >>> import dip_lightning as dip
        >>> small = dip.generators.Skip(32, 3, dip.generators.SkipOptions([8], [8], [2]))
        >>> settings = {"network": small, "iterations": 3, "device": "cpu", "progress": False}
        >>> result = dip.restore(torch.rand(1, 3, 20, 24), **settings)
        >>> result.metrics["iterations"], result.metrics["result"]
        (3, 'average')
        >>> result.image.shape, len(result.history)
        (torch.Size([1, 3, 20, 24]), 2)
    """

    image: Any
    last: Any
    std: NDArray[Any]
    history: list[dict[str, float | None]]
    metrics: dict[str, Any]
    prior: DeepImagePrior = field(repr=False)
    kernel: NDArray[np.float32] | None = None

    def _repr_png_(self) -> bytes:
        content = io.BytesIO()
        to_pillow(preview(self.prior().cpu())).save(content, "PNG")
        return content.getvalue()


@as_pytorch_begins()
def restore(
    image: Image,
    task: str = "denoising",
    *,
    mask: Any = None,
    kernel: Any = None,
    network: nn.Module | str | None = None,
    preset: str = "fast",
    device: str = "auto",
    progress: bool = True,
    **keys: Any,
) -> Restored[Image]:
    """Restore one damaged image.

    Writes nothing, and sets back what it changes of the process: while it computes, new tensors
    are of float32 in all threads, and TF32 is off.

    Args:
        image: NumPy array, (H, W) or (H, W, C), of any integer or floating type; tensor,
            (1, C, H, W) in [0, 1]; PIL image; or path. The range of its known values is fitted.
            An array's alpha is kept if it is opaque; otherwise give the path, or a PIL image. For
            "jpeg", give the file itself: its path, or a PIL image opened from it.
        task: "sr", "inpainting", "restoration", "demosaicing", "denoising",
            "deblurring", "blind_deblurring" or "jpeg".
        mask: known pixels, for the tasks that fill: (H, W) or (H, W, C) array, (1, 1, H, W)
            tensor, PIL image or path; the brightest are known, unless mask_means="missing".
        kernel: the blur kernel, for "deblurring": (kh, kw) array or tensor, PIL image, path, or
            "gaussian" (with `blur_sigma`, 1.6 pixels if not given), "disk" (`radius`) or "motion"
            (`length`; `angle`, 0 degrees if not given).
        network: a module from (1, input_depth, H, W) to (1, C, H, W), a copy of which is fitted,
            or the name of one; None: the preset's. What it sees besides z (`shown`, `feedback`,
            `guide`) counts towards the 32 channels of `input_depth`.
        preset: "fast", "paper", or another of `conf/preset`.
        device: "auto", "cpu" or "gpu".
        progress: draw a bar.
        keys: other keys of the command, such as `factor`, `kernel_size`, `iterations`, `lr`,
            `seed`; `sigma`, the noise of the image in 8-bit grey levels, if you know it: otherwise
            it is estimated. In an image that uses less than half of its type's range, 255 levels
            are the range that it uses, unless the type is uint8.

    Returns:
        The restored image, of the same kind. If Ctrl-C ends the fit, the result so far;
        `metrics["status"]` says so.

    Raises:
        UserError: an argument is not allowed, or the image cannot be restored faithfully.
        KeyboardInterrupt: Ctrl-C before the first iteration.

    Warns:
        UserWarning: a mask is probably not what was meant, or the fit shows nothing.

    Example:
        >>> import numpy as np
        >>> import dip_lightning as dip
        >>> photo = np.random.default_rng(0).integers(0, 255, (20, 24, 3), dtype=np.uint8)
        >>> small = dip.generators.Skip(32, 3, dip.generators.SkipOptions([8], [8], [2]))
        >>> result = dip.restore(photo, network=small, iterations=3, device="cpu", progress=False)
        >>> result.image.shape, result.image.dtype
        ((20, 24, 3), dtype('uint8'))
    """
    if isinstance(network, str):
        keys["network"] = network
    keys = {name: v.item() if isinstance(v, np.generic) else v for name, v in keys.items()}
    if keys.get("input_type") == "image":
        raise UserError("input_type=image: only for the command, and for DeepImagePrior(image=)")
    k = _kernel(kernel, task, keys)
    config = configure(task, keys, preset)
    place = _device(device, config)
    if mask is not None and task not in TASK_KEYS["mask"]:
        raise UserError(f"mask: only for {' and '.join(sorted(TASK_KEYS['mask']))}, not for {task}")
    stored = as_decoded(image)
    m, doubtful = (None, None) if mask is None else _known(config, mask, stored.array)
    picture, given = _damaged(config, image, stored, m)
    problem = tasks.problem(replace(given, kernel=k), asdict(config))
    back = way_back(image, picture, problem.shape[0])
    # A copy: the next image is to be fitted by a network that has never seen this one.
    module = None if isinstance(network, str) else copy.deepcopy(network)
    if module is None:
        check_memory(config, problem, problem.shape[1:], place, tiles=False)
    else:  # it need not take the small image that is tried for memory
        config = _of_module(config, problem)
    pointless = outcome.pointless(problem)
    _warn(doubtful, pointless and health.explain(pointless, config.lr))
    prior = build_prior(config, problem, None, network=module)
    history = History(config.log_every, config.iterations)
    interrupted = _fit(prior, history, place, progress=progress)
    fitted = Fitted.of(prior)
    # Ctrl-C may come when the iterations are over, but not what makes a result of them.
    interrupted &= not fitted.is_over or (config.output == "combined" and not fitted.is_combined)
    measured = outcome.measure(problem.cpu(), fitted, config.output, with_baselines=False)
    metrics = _metrics(problem, fitted, history, measured, interrupted=interrupted)
    metrics |= outcome.noise(problem, config.discrepancy)
    metrics["psnr_holdout"] = outcome.psnr_holdout(problem, measured, prior.seen)
    metrics["diagnosis"] = word = outcome.diagnosis(problem, fitted, pointless)
    _warn(None if word in {None, pointless, "not_finite"} else health.explain(word, config.lr))
    std, found = _in_units(measured.std, picture.format), problem.found_kernel
    images = (back(measured.chosen.pixels), back(measured.last.pixels), std)
    of_blur = None if found is None else found.numpy()
    return Restored(*images, history.rows, metrics, prior, of_blur)


def _device(name: str, config: Config) -> torch.device:
    device = compute.find_device(name)
    acceleration.check(config.accelerate, device, diagnose=False)
    return device


def _damaged(
    config: Config, image: Any, stored: Decoded, m: Tensor | None
) -> tuple[Picture, Given]:
    advice = 'dip.restore(image, "restoration") fills them'
    picture, known, is_alpha = damaged(config, stored, ARRAY, m, key="image", advice=advice)
    held = _held(image, picture, config.task)
    given = Given(y=picture.pixels, m=known, coefficients=held, m_is_alpha=is_alpha)
    if picture.alpha is not None and known is not None:  # what was transparent is restored
        filled = picture.alpha.where(known.amin(1, keepdim=True) > 0, 1)
        whole = torch.ones_like(picture.alpha)
        picture = replace(picture, alpha=whole if is_alpha else filled)
    return picture, replace(given, white=white(config, picture))


def _in_units(std: Tensor, stored: Format) -> NDArray[Any]:
    spans = np.subtract(stored.high, stored.low)
    return std[0].permute(1, 2, 0).numpy() * np.asarray(spans, np.float32)


def _metrics(
    problem: Problem, fitted: Fitted, history: History, found: Outcome, *, interrupted: bool
) -> dict[str, Any]:
    status = "interrupted" if interrupted else "finished"
    return {
        "status": status if fitted.diverged_at is None else "diverged",
        "iterations": fitted.iteration,
        "loss": fitted.loss,
        "seconds": history.seconds,
        "result": found.output,
        "fit_weight": fitted.fit_weight,
        "polished": found.is_polished,
        "stopping": outcome.stopping(problem, fitted),
    }


def _warn(*sentences: str | None) -> None:
    for sentence in filter(None, sentences):
        warnings.warn(sentence, UserWarning, stacklevel=4)  # the line that calls `restore`


def _known(config: Config, mask: Any, image: NDArray[Any]) -> tuple[Tensor, str | None]:
    """Read a mask; say why it may not be what was meant, or None."""
    means, grow = config.mask_means or "known", config.mask_grow or 0
    stored = as_decoded(mask, "mask")
    values, is_file = stored.array, isinstance(mask, str | Path | PillowImage.Image)
    if not is_file and values.max() <= 1 and (values != values[..., :1]).any():
        raise UserError(
            "mask: its channels differ, expected one for all, (H, W); of each channel its own: "
            f"dip.{config.task.capitalize()}(y, mask)"
        )
    found = understood(stored, "mask", image.shape[:2], means, grow)
    is_inpainting = config.task == "inpainting"
    return found.m, doubt(found, "mask", means, image, is_inpainting=is_inpainting)


def _kernel(kernel: Any, task: str, keys: dict[str, Any]) -> Tensor | None:
    """Take what was given as a kernel; None: there is none, or its name is put into the keys."""
    if task != TOLD:
        if kernel is not None:
            raise UserError(f"kernel: only for {TOLD}, not for {task}")
        return None
    if kernel is None:
        kinds = "an array, a tensor, a PIL image, a path"
        raise UserError(f"kernel=None: expected {kinds}, or one of {', '.join(DRAWN['kernel'])}")
    if isinstance(kernel, str) and kernel in DRAWN["kernel"]:
        keys["kernel"] = kernel
        return None
    for name in KERNEL_KEYS:
        if keys.get(name) is not None:
            raise UserError(
                f"{name}={keys[name]}: only for kernels drawn by name "
                f"({', '.join(DRAWN['kernel'])}), but one is given"
            )
    if isinstance(kernel, str | Path):
        return read_kernel(kernel_file(Path(kernel).expanduser()))
    if isinstance(kernel, PillowImage.Image):
        return kernel_of_image(of_pillow(kernel))
    return understood_kernel(kernel)


def _held(image: Any, picture: Picture, task: str) -> Coefficients | None:
    """Read what the task takes of a JPEG file; None where it takes nothing, or need not have it."""
    if task == "jpeg":
        return _coefficients(image, picture)
    try:
        return _coefficients(image, picture) if task in OF_ROUNDED else None
    except UserError:  # pixels alone, or of another file
        return None


def _coefficients(image: Any, picture: Picture) -> Coefficients:
    """Read what bounds the result of a JPEG file, in the picture's range."""
    is_path = isinstance(image, str | Path)
    name = os.fsdecode(image if is_path else getattr(image, "filename", ""))
    if not name:
        raise UserError(
            f"image: is of type {type(image).__name__}, expected a JPEG file for task=jpeg: its "
            "path, or a PIL image that was opened from one"
        )
    # Pillow does not turn what it opens.
    found = read_coefficients(Path(name).expanduser(), "image", upright=is_path)
    if not is_path and not _is_as_opened(image, name):
        raise UserError(f"image: is not as in its file, {name}, expected it as it was opened")
    return found.ranged(picture.format.low[0], picture.format.high[0])


def _is_as_opened(image: PillowImage.Image, name: str) -> bool:
    with PillowImage.open(name) as again:
        return (again.mode, again.size) == (image.mode, image.size) and (
            again.tobytes() == image.tobytes()
        )


def _of_module(config: Config, problem: Problem) -> Config:
    """Give z the input_depth channels of a user's own network, less those it sees besides z."""
    depth = config.input_depth
    beside = inputs(config, problem) - depth
    if depth <= beside:
        raise UserError(
            f"input_depth={depth}: the network sees {beside} channels beside z; give more, or "
            "shown=0 feedback=None guide=None"
        )
    return replace(config, input_depth=depth - beside)


def _fit(prior: DeepImagePrior, history: History, device: torch.device, *, progress: bool) -> bool:
    """Fit; return whether Ctrl-C ended it."""
    with _quiet(), TemporaryDirectory() as empty:
        trainer = Trainer(
            accelerator="gpu" if device.type == "cuda" else device.type,
            devices=1,
            max_epochs=1,
            logger=False,
            callbacks=[history, *([Bar()] if progress else [])],
            # In a job of SLURM's, Lightning must not read its tasks as ranks, nor requeue it, nor
            # go on from a checkpoint that lies about.
            plugins=[LightningEnvironment()],
            default_root_dir=empty,
            log_every_n_steps=0,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        try:
            trainer.fit(prior)
        except (KeyboardInterrupt, SystemExit):  # Lightning makes the one the other
            if trainer.received_sigterm:
                raise
            if not prior.iteration:
                raise KeyboardInterrupt from None
            return True
        finally:
            prior.release()
    prior.check_finite()
    return bool(trainer.interrupted)


@contextmanager
def _quiet() -> Iterator[None]:
    """Hide what Lightning says about every fit from a user of one call; all is set back."""
    in_main = threading.current_thread() is threading.main_thread()
    handler = signal.getsignal(signal.SIGINT) if in_main else None
    with without_lightnings_messages():
        try:
            yield
        finally:
            if handler is not None:  # Lightning ignores Ctrl-C after the first
                signal.signal(signal.SIGINT, handler)
