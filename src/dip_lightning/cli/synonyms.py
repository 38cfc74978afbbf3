"""What people type for keys that have another name here."""

import difflib
import os
import shlex
from collections.abc import Iterable
from dataclasses import fields

from dip_lightning.config import Config

OURS = {
    "lr": "learning_rate learningrate step_size",
    "iterations": (
        "epochs epoch max_epochs steps max_steps num_iter num_iters n_iter niter iter iters "
        "num_iterations n_iterations num_steps"
    ),
    "hydra.run.dir": "out out_dir outdir output_dir outputs output_folder result results save_dir",
    "observed": "input in photo file img path picture damaged noisy input_path source src folder",
    "image": "gt ground_truth clean target reference",
    "factor": "scale upscale scale_factor upscaling zoom",
    "task": "mode method problem",
    "network": "model net arch architecture backbone",
    "optimizer": "optim opt",
    "schedule": "scheduler lr_schedule lr_scheduler",
    "seed": "random_seed manual_seed",
    "device": "gpu gpus cuda use_gpu use_cuda",
    "threads": "num_threads n_threads cores cpus",
    "launcher.n_jobs": "jobs n_jobs workers num_workers",
    "search.n_trials": "trials n_trials",
    "logger": "wandb use_wandb log",
    "precision": "dtype amp",
    "pattern": "cfa bayer bayer_pattern cfa_pattern",
    "peak": "photons",
    "recursive": "recurse recursively subfolders",
    "tile": "tile_size patch_size tiles",
    "max_side": "resize max_size",
    "sigma (noise to add) or discrepancy (how much to smooth)": "noise_level strength",
}
KEYS = {typed: ours for ours, words in OURS.items() for typed in words.split()}


def about_key(name: str) -> str:
    """Say what to type instead of a key that there is not."""
    known = [entry.name for entry in fields(Config)]
    key = KEYS.get(name.lower().replace("-", "_"))
    return f"did you mean {key}?" if key else near(name, known)


def about_flag(flag: str) -> str:
    """Say what to type instead of a flag that there is not."""
    name = flag.lstrip("-").partition("=")[0].replace("-", "_")
    known = {entry.name for entry in fields(Config)}
    instead = f"use {name}=..." if name in known else about_key(name)
    return f"command line: unrecognized arguments: {flag}; {instead}"


def about_word(text: str) -> str:
    """Say what to type instead of a word without key."""
    if os.path.exists(text):
        name = shlex.quote(text)
        return f"{text}: use observed={name} for a damaged image, image={name} for a clean one"
    return f"{text}: expected key=value or a flag; see --help"


def near(value: str, options: Iterable[str]) -> str:
    """Ask whether the nearest option was meant, or list them all."""
    known = list(options)
    found = difflib.get_close_matches(value, known, n=1)
    return f"did you mean {found[0]}?" if found else f"choose one of {', '.join(known)}"
