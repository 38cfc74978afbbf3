"""What people type for keys and values that have another name here."""

import difflib
import os
import re
import shlex
from dataclasses import fields

from dip_lightning.config import Config

FALSE = ("false", "0", "no", "off", "none", "null", "disabled")
# Key typed: the key it is here, which takes the same value.
KEYS = {
    **dict.fromkeys(("learning_rate", "learningrate", "step_size"), "lr"),
    **dict.fromkeys(("epochs", "epoch", "max_epochs", "steps", "max_steps"), "iterations"),
    **dict.fromkeys(("num_iter", "num_iters", "n_iter", "niter", "iter", "iters"), "iterations"),
    **dict.fromkeys(("num_iterations", "n_iterations", "num_steps"), "iterations"),
    **dict.fromkeys(("out", "out_dir", "outdir", "output_dir", "outputs"), "hydra.run.dir"),
    **dict.fromkeys(("output_folder", "result", "results", "save_dir"), "hydra.run.dir"),
    **dict.fromkeys(("input", "in", "photo", "file", "img", "path", "picture"), "observed"),
    **dict.fromkeys(("damaged", "noisy", "input_path", "source", "src", "folder"), "observed"),
    **dict.fromkeys(("gt", "ground_truth", "clean", "target", "reference"), "image"),
    **dict.fromkeys(("scale", "upscale", "scale_factor", "upscaling", "zoom"), "factor"),
    **dict.fromkeys(("mode", "method", "problem"), "task"),
    **dict.fromkeys(("model", "net", "arch", "architecture", "backbone"), "network"),
    **dict.fromkeys(("optim", "opt"), "optimizer"),
    **dict.fromkeys(("scheduler", "lr_schedule", "lr_scheduler"), "schedule"),
    **dict.fromkeys(("random_seed", "manual_seed"), "seed"),
    **dict.fromkeys(("num_threads", "n_threads", "cores", "cpus"), "threads"),
    **dict.fromkeys(("jobs", "n_jobs", "workers", "num_workers"), "launcher.n_jobs"),
    **dict.fromkeys(("trials", "n_trials"), "search.n_trials"),
    **dict.fromkeys(("dtype", "amp"), "precision"),
    **dict.fromkeys(("recurse", "recursively", "subfolders"), "recursive"),
    **dict.fromkeys(("tile_size", "patch_size", "tiles"), "tile"),
    **dict.fromkeys(("resize", "max_size"), "max_side"),
}
# Switch typed: what to type where it is on, and where it is off.
SWITCHES = {
    **dict.fromkeys(("gpu", "gpus", "cuda", "use_gpu", "use_cuda"), ("device=gpu", "device=cpu")),
    **dict.fromkeys(("cpu", "use_cpu"), ("device=cpu", "device=gpu")),
    **dict.fromkeys(("wandb", "use_wandb", "log"), ("logger=wandb", "logger=none")),
}
# Key typed that may mean several.
UNCLEAR = dict.fromkeys(
    ("noise", "noise_level", "strength", "denoise_strength"),
    "sigma= adds noise to a clean image=; discrepancy= says how much to smooth a noisy observed=",
)
# Of our own keys, values typed, and what they are here.
VALUES = {
    "device": {"cuda": "gpu", "mps": "gpu", "metal": "gpu"},
    "logger": {**dict.fromkeys(FALSE, "none"), "true": "wandb", "wb": "wandb"},
    "precision": {
        **dict.fromkeys(("32", "fp32", "float"), "float32"),
        **dict.fromkeys(("16", "fp16", "half", "float16", "bf16"), "bfloat16"),
    },
    "schedule": {"cosine": "warmup_cosine", "none": "constant"},
    "task": {
        **dict.fromkeys(("denoise", "noise"), "denoising"),
        **dict.fromkeys(("superres", "super_resolution", "super-resolution"), "sr"),
        **dict.fromkeys(("superresolution", "upscale", "upscaling"), "sr"),
        **dict.fromkeys(("inpaint", "fill", "remove"), "inpainting"),
        **dict.fromkeys(("restore", "missing_pixels"), "restoration"),
    },
}
OFTEN_WRONG = ("device", "output", "precision", "schedule")
OUTPUT = "choose average or last, the iterate that restored.png shows; the result folder is"
_NUMBERED = re.compile(r"(?:cuda|gpu)?:?(\d+)")


def for_key(name: str, value: str) -> str | None:
    """Say what to type instead of a key that there is not; None if nothing is near."""
    name = name.lower().replace("-", "_")
    if name in UNCLEAR:
        return UNCLEAR[name]
    if name in SWITCHES:
        off = value.lower() in FALSE and (name, value) not in {("gpu", "0"), ("cuda", "0")}
        return f"use {SWITCHES[name][off]}"
    if name in KEYS:
        key = KEYS[name]
        return for_value(key, value) or f"use {key}={shlex.quote(value)}"
    return None


def for_value(key: str, value: str) -> str | None:
    """Say what to type instead of a value that a key does not have; None if nothing is near."""
    if key == "device" and (number := _NUMBERED.fullmatch(value)):
        return f"use device=gpu, with CUDA_VISIBLE_DEVICES={number[1]} in front of the command"
    if key == "output" and value not in _choices(key):
        return f"{OUTPUT} hydra.run.dir={shlex.quote(re.sub(r'[.][a-z]{3,4}$', '', value))}"
    meant = VALUES.get(key, {}).get(value.lower())
    return None if meant is None else f"use {key}={meant}"


def about_flag(flag: str, argv: list[str]) -> str:
    """Say what to type instead of a flag that there is not, and the word after it."""
    name, _, value = flag.lstrip("-").partition("=")
    is_alone = "=" not in flag and flag in argv
    follows = argv[argv.index(flag) + 1 :][:1] if is_alone else []
    if follows and "=" not in follows[0] and not follows[0].startswith("-"):
        flag, value = f"{flag} {follows[0]}", follows[0]
    key = name.replace("-", "_")
    instead = for_key(name, value)
    if instead is None and key in {entry.name for entry in fields(Config)}:
        instead = for_value(key, value) or f"use {key}={value or '...'}"
    return f"command line: unrecognized arguments: {flag}; {instead or 'see --help'}"


def about_word(text: str) -> str:
    """Say what to type instead of a word without key."""
    if os.path.exists(text):
        name = shlex.quote(text)
        return f"{text}: use observed={name} for a damaged image, image={name} for a clean one"
    return f"{text}: expected key=value or a flag; see --help"


def near(value: str, options: list[str]) -> str:
    """Ask whether one of the options was meant; empty if none is near."""
    found = difflib.get_close_matches(value, options, n=1)
    return f"did you mean {found[0]}? " if found else ""


def _choices(key: str) -> tuple[str, ...]:
    (entry,) = (entry for entry in fields(Config) if entry.name == key)
    choices: tuple[str, ...] = entry.metadata["choices"]
    return choices
