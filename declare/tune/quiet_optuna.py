"""Keeps Optuna's own talk off the screen: what matters of it we say ourselves."""

import warnings


def hush_optuna() -> None:
    """Silence its log, and warnings of what is as it should be."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
    # A trial that goes on from a checkpoint evaluates some steps again.
    warnings.filterwarnings("ignore", message="The reported value is ignored", category=UserWarning)
