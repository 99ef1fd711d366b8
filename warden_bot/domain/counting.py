"""Count cases for a report, without anybody's words in it."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

SAID_OFTEN = 5  # an outcome that so many cases have is a heading; what stands at fewer may name somebody
OTHER = "其他"


def count_cases(cases: Sequence[tuple[str, str, str]]) -> list[dict[str, Any]]:
    """Count cases, each given as its month, category and outcome; "" where it has none yet. Sorted by month."""
    often = {outcome for outcome, count in Counter(outcome for _, _, outcome in cases).items() if count >= SAID_OFTEN}
    counts = Counter(
        (month, category, outcome if outcome in often or not outcome else OTHER) for month, category, outcome in cases
    )
    return [
        {"month": month, "category": category, "outcome": outcome, "count": count}
        for (month, category, outcome), count in sorted(counts.items())
    ]
