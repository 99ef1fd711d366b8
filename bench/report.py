"""The figures as a table for people and as JSON for programs."""

import json
import os
import platform
import unicodedata
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.figures import Figure

HEADINGS = ("figure", "ours", "baseline", "unit", "ratio", "least to most", "pairs", "goal", "")
TO_THE_LEFT = {"figure", "unit", "goal", ""}  # words; the other columns hold numbers
WORDS = {None: "", True: "met", False: "MISSED"}


def machine() -> dict[str, Any]:
    """Say where and when this was measured, and how busy the machine was with other things."""
    return {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "load_before": round(os.getloadavg()[0], 2),
    }


def table(figures: Sequence[Figure]) -> str:
    """Return the figures as an aligned table, their notes below it."""
    rows = [HEADINGS, *(_row(figure) for figure in figures)]
    widths = [max(_width(row[column]) for row in rows) for column in range(len(HEADINGS))]
    lines = [_line(row, widths) for row in rows]
    notes = [f"  {figure.name}: {figure.note}" for figure in figures if figure.note]
    return "\n".join([lines[0], "-" * _width(lines[0]), *lines[1:], *(["", "Notes", *notes] if notes else [])])


def _row(figure: Figure) -> tuple[str, ...]:
    span = figure.ratio_range
    return (
        figure.name,
        _number(figure.ours),
        "" if figure.baseline is None else _number(figure.baseline),
        figure.unit,
        "" if figure.ratio is None else f"{figure.ratio:.2f}",
        "" if span is None else f"{span[0]:.2f} to {span[1]:.2f}",
        str(figure.pairs),
        "" if figure.goal is None else str(figure.goal),
        WORDS[figure.met],
    )


def _number(value: float) -> str:
    """Write three figures, without an exponent."""
    if value and abs(value) < 1:
        return f"{value:.3f}"
    return f"{value:,.1f}" if abs(value) < 100 and value % 1 else f"{value:,.0f}"  # noqa: PLR2004 -- three figures


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = []
    for heading, cell, width in zip(HEADINGS, row, widths, strict=True):
        space = " " * (width - _width(cell))
        cells.append(cell + space if heading in TO_THE_LEFT else space + cell)
    return "  ".join(cells).rstrip()


def write_json(path: Path, head: dict[str, Any], figures: Sequence[Figure], failures: dict[str, str]) -> None:
    """Write everything that was measured, and why something was not."""
    shown = [asdict(figure) | {"met": figure.met} for figure in figures]
    document = head | {"figures": shown, "not_measured": failures}
    path.write_text(json.dumps(document, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
