"""Files with one JSON object a line, as `ask` and `guard` read them."""

import json
from pathlib import Path
from typing import Any


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a file in order; each has an `id` and a `text`. Raise FaultsFound naming every other line."""
    from warden_bot.errors import Fault, FaultsFound

    rows, faults = [], []
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise FaultsFound([Fault(path.name, 0, f"读不了：{type(error).__name__}")]) from None
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            row = None
        if isinstance(row, dict) and "id" in row and isinstance(row.get("text"), str):
            rows.append(row)
        else:
            faults.append(Fault(path.name, number, '要写成 {"id": …, "text": "…"}'))
    if faults:
        raise FaultsFound(faults)
    return rows
