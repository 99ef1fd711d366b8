"""A figure of the bench: ours beside a bare baseline of the same run, and the goal it is held against."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal


@dataclass(frozen=True, slots=True)
class Goal:
    """A border that the ratio, or the figure itself, is to keep."""

    subject: Literal["ratio", "ours"]
    side: Literal["at least", "at most", "below"]
    bound: float

    def met_by(self, value: float) -> bool:
        """Say whether a value keeps the border."""
        if self.side == "at least":
            return value >= self.bound
        return value <= self.bound if self.side == "at most" else value < self.bound

    def __str__(self) -> str:
        return f"{self.subject} {self.side} {self.bound:g}"


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure. What stands in it was measured, nothing is estimated."""

    name: str
    unit: str
    ours: float
    baseline: float | None = None
    ratio: float | None = None
    ratio_range: tuple[float, float] | None = None
    pairs: int = 1
    goal: Goal | None = None
    note: str = ""

    @property
    def met(self) -> bool | None:
        """Say whether the goal is met; None where there is none."""
        if self.goal is None:
            return None
        value = self.ratio if self.goal.subject == "ratio" else self.ours
        return value is not None and self.goal.met_by(value)


@dataclass(frozen=True, slots=True)
class Pair:
    """The baseline and ours, measured one right after the other."""

    baseline: float
    ours: float


def as_rates(pair: Pair) -> float:
    """Return ours as a part of the baseline: for what is better when there is more of it, or a growth."""
    return pair.ours / pair.baseline


def as_times(pair: Pair) -> float:
    """Return the baseline as a part of ours, so that 1 means as fast as the baseline."""
    return pair.baseline / pair.ours


def notes(*found: str) -> str:
    """Put what there is to be noted into one line."""
    return "; ".join(filter(None, found))


def paired(
    name: str,
    unit: str,
    pairs: Sequence[Pair],
    ratio: Callable[[Pair], float],
    goal: Goal | None = None,
    note: str = "",
) -> Figure:
    """Return the medians of both sides and of the paired ratios, with the least and the greatest ratio."""
    ratios = [ratio(pair) for pair in pairs]
    return Figure(
        name,
        unit,
        median(pair.ours for pair in pairs),
        median(pair.baseline for pair in pairs),
        median(ratios),
        (min(ratios), max(ratios)),
        len(pairs),
        goal,
        note,
    )
