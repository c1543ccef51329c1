"""Hides Optuna's own output; its relevant parts are printed by us."""

import warnings


def silence_optuna() -> None:
    """Silence its log, and warnings about intended behaviour."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
    # A trial that continues from a checkpoint evaluates some steps again.
    warnings.filterwarnings("ignore", message="The reported value is ignored", category=UserWarning)
