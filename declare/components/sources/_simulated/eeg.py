"""EEG-like recordings: rhythms depend on the subject, an evoked response on movie and time."""

from typing import Any


def make(
    *,
    seed: int,
    samples: int | None = None,
    subjects: int | None = None,
    movies: int | None = None,
    stamps: int | None = None,
    channels: int = 21,
    rate: float = 100,
    seconds: float = 2,
    missing: float = 0.0,
) -> dict[str, Any]:
    """Return columns, fields and truth.

    Columns: `eeg` [samples, channels, rate * seconds] and `age`, `sex`, `p_factor`, `attention`,
    `subject`, `movie`, `stamp`.

    Without `samples` there is one sample for each subject, movie and stamp; with it, samples are taken from
    these in turn. Truth: the alpha rhythm is slower with higher age, sex scales the posterior half of the
    sources, p_factor the theta rhythm, attention the beta rhythm; each movie and stamp evokes the same
    response in every subject. `missing` is the fraction of ages (NaN) and sexes ("n/a") that are missing.
    """
    import numpy as np

    rng = np.random.default_rng([seed, 0xEE6])
    movies, stamps = movies or 3, stamps or 8
    subjects = subjects or (max(2, samples // 10) if samples else 24)
    total = samples or subjects * movies * stamps
    index = np.arange(total)
    subject, movie, stamp = (
        index % subjects,
        index // subjects % movies,
        index // (subjects * movies) % stamps,
    )
    people = _subjects(rng, subjects)
    sources = _sources(rng, people, subject, (round(rate * seconds), rate))
    courses = _courses(rng, (movies, stamps, 3, sources.shape[-1]))
    eeg = _mix_sources(
        rng, np.concatenate([sources, 0.8 * courses[movie, stamp]], axis=1).astype(np.float32), channels
    )
    age = people["age"][subject]
    age[rng.random(total) < missing] = np.nan
    sex = np.array(["f", "m"], dtype="<U3")[people["sex"][subject]]
    sex[rng.random(total) < missing] = "n/a"
    order = rng.permutation(total)
    columns = {
        "eeg": eeg,
        "age": age,
        "sex": sex,
        "p_factor": people["p_factor"][subject],
        "attention": people["attention"][subject],
        "subject": _names("sub", subject),
        "movie": _names("movie", movie),
        "stamp": _names("stamp", stamp),
    }
    return {
        "columns": {name: values[order] for name, values in columns.items()},
        "fields": {"eeg": {"type": "series", "channels": channels, "rate": rate}, **_FIELDS},
        "truth": {**people, "course": courses},
    }


_FIELDS = {
    "age": {"type": "number"},
    "sex": {"type": "category", "missing": ["n/a"]},
    "p_factor": {"type": "number"},
    "attention": {"type": "number"},
    "subject": {"type": "id"},
    "movie": {"type": "id"},
    "stamp": {"type": "id"},
}


def _names(prefix: str, numbers: Any) -> Any:
    import numpy as np

    return np.array([f"{prefix}{number:03d}" for number in range(int(numbers.max()) + 1)])[numbers]


def _subjects(rng: Any, subjects: int) -> dict[str, Any]:
    return {
        "age": rng.uniform(6, 60, subjects),
        "sex": rng.integers(0, 2, subjects),
        "p_factor": rng.standard_normal(subjects),
        "attention": rng.standard_normal(subjects),
    }


def _courses(rng: Any, form: tuple[int, ...]) -> Any:
    """Return random walks along the last axis, with zero mean and unit variance."""
    course = rng.standard_normal(form).cumsum(axis=-1)
    course -= course.mean(axis=-1, keepdims=True)
    course /= course.std(axis=-1, keepdims=True) + 1e-9
    return course


def _mix_sources(rng: Any, sources: Any, channels: int) -> Any:
    """Return sources [B, S, T] mixed into channels [B, C, T], with noise."""
    import numpy as np

    mixing = rng.standard_normal((channels, sources.shape[1])).astype(np.float32)
    eeg = np.einsum("cs,bst->bct", mixing, sources, optimize=True)
    eeg += 0.7 * rng.standard_normal(eeg.shape, dtype=np.float32)
    return eeg


def _sources(rng: Any, people: dict[str, Any], subject: Any, clock: tuple[int, float]) -> Any:
    import numpy as np

    length, rate = clock
    seconds = np.arange(length) / rate

    def rhythm(frequency: Any, amplitude: Any) -> Any:
        phase = rng.uniform(0, 2 * np.pi, (len(subject), 1))
        angle = 2 * np.pi * np.asarray(frequency)[:, None] * seconds + phase
        return np.asarray(amplitude)[:, None] * np.sin(angle)

    ones = np.ones(len(subject))
    back = 1 + 0.8 * people["sex"][subject]
    return np.stack(
        [
            rhythm(11.5 - 0.06 * people["age"][subject], 1.5 * ones),
            rhythm(10.0 * ones, back),
            rhythm(6.0 * ones, np.exp(0.5 * people["p_factor"][subject])),
            rhythm(20.0 * ones, np.exp(0.5 * people["attention"][subject])),
        ],
        axis=1,
    )
