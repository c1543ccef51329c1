"""Whether the transforms of a field have an image for each of its values."""

from declare.contract.problem import Problem, ProblemError
from declare.data.store.dataset import Pool
from declare.data.store.target_statistics import TargetQuery, target_statistics
from declare.ir.plan import DatasetPlan


def outside_domain(plan: DatasetPlan, path: str, field: str) -> tuple[Problem, ...]:
    """Return what transforms of the dataset at `path` make nothing of, in any split; nothing for a field in files.

    What is found to be whole is kept in the user's cache.
    """
    try:
        if Pool(plan, path).is_light(field):
            target_statistics(plan, path, TargetQuery(field, exact=False))
    except ProblemError as error:
        return error.problems
    return ()
