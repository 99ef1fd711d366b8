"""`ask`: how the bot understands a text. Needs no database."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from warden_bot.cli.console import show_json

if TYPE_CHECKING:
    from warden_bot.content.library import Library


def ask(
    text: Annotated[str | None, typer.Argument(help="一句话")] = None,
    jsonl: Annotated[Path | None, typer.Option(help="一行一个 JSON，要有 id 和 text")] = None,
    addressed: Annotated[bool, typer.Option("--addressed", help="当作对机器人说的")] = False,
) -> None:
    """看机器人怎么理解一句话。Show what the bot would do about a text, one JSON line each."""
    if (text is None) == (jsonl is None):
        raise typer.BadParameter("写一句话，或者用 --jsonl 给一个文件")
    rows = [{"id": None, "text": text}] if jsonl is None else _rows(jsonl)
    library, today = _library()
    for row in rows:
        show_json(_heard(library, row, today, addressed=addressed))


def _rows(path: Path) -> list[dict[str, Any]]:
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


def _library() -> "tuple[Library, str]":
    from warden_bot.content.library import load_library
    from warden_bot.domain.calendar import day_words
    from warden_bot.environment import settings_from_here, utc_now
    from warden_bot.errors import FaultsFound

    settings = settings_from_here()
    loaded = load_library(settings.content_dir, utc_now().astimezone(settings.zone).date())
    if loaded.faults:
        raise FaultsFound(loaded.faults)
    return loaded.library, day_words(utc_now(), settings.zone)


def _heard(library: "Library", row: dict[str, Any], today: str, *, addressed: bool) -> dict[str, Any]:
    from warden_bot.handlers.answer import hear

    heard = hear(library, row["text"], today, addressed=addressed, private=False)
    verdict = heard.verdict
    return {
        "id": row["id"],
        "action": verdict.action.value,
        "topic": verdict.topic,
        "score": round(verdict.score, 4),
        "reply": heard.reply,
    }
