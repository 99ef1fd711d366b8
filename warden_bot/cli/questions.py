"""`ask`: how the bot understands a text. Needs no database."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from warden_bot.cli.console import say, show_json
from warden_bot.cli.jsonl import read_rows

if TYPE_CHECKING:
    from warden_bot.content.library import Library


def ask(
    text: Annotated[str | None, typer.Argument(help="一句话")] = None,
    jsonl: Annotated[Path | None, typer.Option(help="一行一个 JSON，要有 id 和 text")] = None,
    addressed: Annotated[bool, typer.Option("--addressed", help="当作对机器人说的")] = False,
    explain: Annotated[bool, typer.Option("--explain", help="再说明为什么这样理解")] = False,
) -> None:
    """看机器人怎么理解一句话。Show what the bot would do about a text, one JSON line each."""
    if (text is None) == (jsonl is None):
        raise typer.BadParameter("写一句话，或者用 --jsonl 给一个文件")
    rows: list[dict[str, Any]] = [{"id": None, "text": text}] if jsonl is None else read_rows(jsonl)
    library, today = _library()
    for row in rows:
        show_json(_heard(library, row, today, addressed=addressed))
        if explain:
            _explain(library, row["text"], addressed=addressed)


def _explain(library: "Library", text: str, *, addressed: bool) -> None:
    from warden_bot.domain.understanding.explain import explain

    for line in explain(text, library.index, addressed=addressed):
        say(line)


def _library() -> "tuple[Library, str]":
    from warden_bot.content.loading import load_library
    from warden_bot.domain.calendar import day_words
    from warden_bot.environment import settings_from_here, utc_now
    from warden_bot.errors import FaultsFound

    settings = settings_from_here()
    loaded = load_library(settings.content_dir, utc_now().astimezone(settings.zone).date())
    if loaded.faults:
        raise FaultsFound(loaded.faults)
    return loaded.library, day_words(utc_now(), settings.zone)


def _heard(library: "Library", row: dict[str, Any], today: str, *, addressed: bool) -> dict[str, Any]:
    from warden_bot.handlers.answer import hear, hear_no_words, judged

    if row["text"].strip():
        heard = hear(library, judged(row["text"]), today, addressed=addressed, private=False)
    else:
        heard = hear_no_words(library, today, addressed=addressed, media=False)
    verdict = heard.verdict
    return {
        "id": row["id"],
        "action": verdict.action.value,
        "topic": verdict.topic,
        "score": round(verdict.score, 4),
        "reply": heard.reply,
    }
