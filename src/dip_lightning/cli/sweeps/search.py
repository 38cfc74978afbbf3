"""A search that goes on: how many of its trials are left, and which were cut short."""

from omegaconf import DictConfig

from dip_lightning.errors import UserError, first_line

AGAIN = "again"  # marks a trial that repeats one that was cut short


def check(composed: DictConfig) -> None:
    """Check that the jobs of a search have something to return.

    Raises:
        UserError: the objective needs a ground truth, and there is none.
    """
    if composed.observed is not None and composed.objective != "psnr_holdout":
        raise UserError(
            f"objective={composed.objective}: needs a ground truth (image=); with observed=, use "
            "objective=psnr_holdout holdout=0.1"
        )


def resume(sweeper: DictConfig) -> tuple[int, list[str]]:
    """Prepare the study of an earlier, interrupted search, if there is one.

    Trials that were cut short are tried again; the others count.

    Args:
        sweeper: `hydra.sweeper`, resolved.

    Returns:
        How many trials are done, and what Hydra is to be told: the number of trials left, and a
        seed of its own for the sampler, which would draw its first trials once more.
    """
    import optuna  # noqa: PLC0415 - an extra
    from hydra.errors import HydraException  # noqa: PLC0415
    from hydra.utils import instantiate  # noqa: PLC0415
    from optuna.trial import TrialState  # noqa: PLC0415

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        storage = instantiate(sweeper.storage)
    except HydraException as error:
        raise UserError(f"search.storage: {first_line(error)}") from None
    study = optuna.create_study(
        storage=storage, study_name=sweeper.study_name, direction="maximize", load_if_exists=True
    )
    for trial in study.get_trials(states=(TrialState.RUNNING,)):
        study.tell(trial.number, state=TrialState.FAIL)
        study.enqueue_trial(trial.params, user_attrs={AGAIN: trial.number})
    trials = study.get_trials()
    ended = sum(trial.state in {TrialState.COMPLETE, TrialState.FAIL} for trial in trials)
    done = ended - sum(AGAIN in trial.user_attrs for trial in trials)
    told = [f"hydra.sweeper.n_trials={max(0, sweeper.n_trials - done)}"]
    if "seed" not in sweeper.sampler:
        return done, told
    return done, [*told, f"++hydra.sweeper.sampler.seed={(sweeper.sampler.seed or 0) + done}"]
