"""Files with one JSON object a line, as `ask` and `guard` read them."""

import json
from pathlib import Path
from typing import Any


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a file, one a line, in order; each has an `id` that can be printed again and a `text`.

    Raise FaultsFound naming every other line. Empty lines at the end are none.
    """
    from warden_bot.errors import Fault, FaultsFound

    rows, faults = [], []
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise FaultsFound([Fault(path.name, 0, f"读不了：{type(error).__name__}")]) from None
    while lines and not lines[-1].strip():
        del lines[-1]
    for number, line in enumerate(lines, start=1):
        row = _row(line)
        if row is None:
            reason = '要写成 {"id": …, "text": "…"}' if line.strip() else "空行：一行要有一个 JSON"
            faults.append(Fault(path.name, number, reason))
        elif _can_be_printed(row["id"]):
            rows.append(row)
        else:
            faults.append(Fault(path.name, number, "id 里有印不出来的字符"))
    if faults:
        raise FaultsFound(faults)
    return rows


def _row(line: str) -> dict[str, Any] | None:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return row if isinstance(row, dict) and "id" in row and isinstance(row.get("text"), str) else None


def _can_be_printed(value: object) -> bool:
    try:
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError):
        return False
    return True
