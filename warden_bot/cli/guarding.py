"""`guard`: whether a text is a scam, which needs no database; what groups were warned of, and which alarms were none."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from warden_bot.cli.cases import read_typed
from warden_bot.cli.console import Json, run, run_as, say, show_json
from warden_bot.cli.jsonl import read_rows

if TYPE_CHECKING:
    from warden_bot.domain.understanding.guard import Guard

app = typer.Typer(help="群里的防骗预警（the guard of groups）", invoke_without_command=True)
MOST_LISTED = 1000


@app.callback()
def guard(
    context: typer.Context,
    jsonl: Annotated[Path | None, typer.Option(help="一行一个 JSON，要有 id 和 text")] = None,
    text: Annotated[str | None, typer.Option(help="一句话")] = None,
) -> None:
    """看一段话像不像骗局，并说明原因。Say whether a text is a scam and why, one JSON line each."""
    given = [one for one in (jsonl, text) if one is not None]
    if context.invoked_subcommand is not None:
        if given:
            raise typer.BadParameter(f"{context.invoked_subcommand} 前面不能写 --jsonl 和 --text")
        return
    if len(given) != 1:
        raise typer.BadParameter("用 --jsonl 给一个文件，或者用 --text 写一句话")
    rows = read_rows(jsonl) if jsonl is not None else [{"id": None, "text": text}]
    judge = _guard()
    for row in rows:
        show_json(_judged(judge, row))


def _guard() -> "Guard":
    from warden_bot.content.loading import load_library
    from warden_bot.environment import settings_from_here, utc_now
    from warden_bot.errors import FaultsFound

    settings = settings_from_here()
    loaded = load_library(settings.content_dir, utc_now().astimezone(settings.zone).date())
    if loaded.faults:
        raise FaultsFound(loaded.faults)
    return loaded.library.guard


def _judged(judge: "Guard", row: dict[str, Any]) -> dict[str, Any]:
    from warden_bot.handlers.answer import judged

    found = judge.suspicion(judged(row["text"]))
    return {
        "id": row["id"],
        "label": "scam" if found else "benign",
        "kind": found.kind if found else None,
        "reasons": list(found.reasons) if found else [],
    }


@app.command("list")
def list_alarms(as_json: Json = False) -> None:
    """列出群里的预警，新的在前。List the alarms, the newest first; never anybody's words."""
    from warden_bot.content.guarding import read_warnings
    from warden_bot.environment import settings_from_here
    from warden_bot.kit import open_kit
    from warden_bot.store.guard_alarms import list_alarms as stored_alarms

    settings = settings_from_here()

    async def work() -> list[dict[str, Any]]:
        async with open_kit(settings) as kit, kit.database.read() as session:
            return [one.as_json() for one in await stored_alarms(session, MOST_LISTED)]

    rows = run(work())
    if as_json:
        show_json(rows)
        return
    warnings, _ = read_warnings(settings.content_dir)
    for row in rows:
        marked = f"\t误报（{row['false_by']}）" if row["false_at"] else ""
        say(f"{row['case']}\t{row['group']}\t{warnings.title(row['kind'])}\t{'、'.join(row['reasons'])}{marked}")
    say(f"共 {len(rows)} 条")


@app.command("false-alarm")
def false_alarm(
    code: Annotated[str, typer.Argument(metavar="CODE", help="线索编号，如 7K4Q-M2XD")],
    officer: Annotated[str, typer.Option("--as", help="谁在操作（officers add 登记过的名字）")],
) -> None:
    """标为误报并结束；同样的话不再预警，同类的以后要更像才预警。Mark an alarm as false; the like needs more from now on."""
    from warden_bot.content.desks import read_desks
    from warden_bot.environment import settings_from_here
    from warden_bot.handlers.guard import mark_false

    wanted, settings = read_typed(code), settings_from_here()
    desks, _ = read_desks(settings.content_dir)
    run_as(officer, settings, lambda session, kit, who: mark_false(session, wanted, who, kit.clock(), desks))
    say(f"{wanted} 记为误报，已结束")
