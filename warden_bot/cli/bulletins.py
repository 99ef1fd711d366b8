"""`bulletin`: the station's figures of a week, and the draft that is made of them."""

from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

import typer

from warden_bot.cli.alerts import WORDS
from warden_bot.cli.console import Json, actor, run, run_as, say, show_json, warn

if TYPE_CHECKING:
    from warden_bot.content.library import Library
    from warden_bot.kit import Kit
    from warden_bot.settings import Settings
    from warden_bot.store.database import Session
    from warden_bot.store.officers import Officer

app = typer.Typer(help="每周通报（weekly bulletin）", no_args_is_help=True)
Week = Annotated[str, typer.Option("--week", metavar="DATE", help="那一周里的任意一天，如 2026-11-23；不写是这一周")]


def _monday(written: str) -> date:
    from warden_bot.domain.bulletin import monday_of
    from warden_bot.environment import settings_from_here, utc_now

    if not written:
        return monday_of(utc_now().astimezone(settings_from_here().zone).date())
    try:
        return monday_of(date.fromisoformat(written))
    except ValueError:
        raise typer.BadParameter(f"“{written}”不是日期，写成 2026-11-23", param_hint="--week") from None


def _numbers(written: list[str]) -> dict[str, int]:
    found = {}
    for one in written:
        name, _, number = one.partition("=")
        if not (number.isascii() and number.isdecimal()) or len(number) > 9 or name.strip() in found:  # noqa: PLR2004 -- what nobody counts
            raise typer.BadParameter(f"“{one}”要写成 名字=整数，一项一次，如 盗窃=3", param_hint="--set")
        found[name.strip()] = int(number)
    return found


def _library(settings: "Settings") -> "Library":
    from warden_bot.content.loading import load_library
    from warden_bot.environment import utc_now

    return load_library(settings.content_dir, utc_now().astimezone(settings.zone).date()).library


@app.command("figures")
def figures(
    numbers: Annotated[list[str], typer.Option("--set", metavar="NAME=NUMBER", help="如 盗窃=3，可以写多次")],
    officer: Annotated[str, typer.Option("--as", help="谁在填（officers add 登记过的名字）")],
    week: Week = "",
    as_json: Json = False,
) -> None:
    """填一周的数字。Enter the figures of a week; those that are there already stay."""
    from warden_bot.environment import settings_from_here
    from warden_bot.handlers.bulletin import enter_figures, nobody_else_approves

    monday, entered, settings = _monday(week), _numbers(numbers), settings_from_here()
    plan = _library(settings).bulletin

    async def enter(session: "Session", kit: "Kit", who: "Officer") -> tuple[dict[str, int], bool]:
        written = await enter_figures(session, plan, who, monday, entered, settings.zone, kit.clock())
        return written, await nobody_else_approves(session, who)

    result, alone = run_as(officer, settings, enter)
    if alone:
        warn(f"只有 {officer} 能批准通报，自己填的数字自己不能批准：请另一个人来填")
    if as_json:
        show_json({"week": monday.isoformat(), "figures": result})
    else:
        say(f"{monday} 那一周：" + "，".join(f"{name} {number}" for name, number in result.items()))


@app.command("draft")
def draft(week: Week = "", as_json: Json = False) -> None:
    """用填好的数字起草，等所长批准。Make the draft of the figures; the chief decides about it like about any alert."""
    from warden_bot.content.drawing import INSTALL, draw, find_font
    from warden_bot.environment import settings_from_here
    from warden_bot.handlers.bulletin import composed, missing_figures, save_draft
    from warden_bot.kit import open_kit

    monday, settings, who = _monday(week), settings_from_here(), actor()

    async def work() -> dict[str, Any]:
        async with open_kit(settings) as kit:
            library, now = _library(settings), kit.clock()
            async with kit.database.read() as session:
                made = await composed(session, library, monday, settings.zone, now)
            picture = draw(made.drawing, find_font())  # nobody else waits for this event loop
            alert = await kit.database.write(
                lambda session: save_draft(session, library, made, picture, who, settings.zone, now)
            )
            return {
                "id": alert.id,
                "status": alert.status.value,
                "week": monday.isoformat(),
                "audience": alert.audience,
                "text": alert.text,
                "picture": picture is not None,
                "missing": missing_figures(library.bulletin, made.row),
            }

    result = run(work())
    if as_json:
        show_json(result)
        return
    say(result["text"])
    say(f"警报 {result['id']} 等所长批准：warden-bot alerts approve {result['id']} --as 名字")
    if result["missing"]:
        say(f"没填、没写进去的：{'、'.join(result['missing'])}。要加，先请所长退回，填好再起草")
    if not result["picture"]:
        say(f"没有图片，只发文字。要图片：{INSTALL}")


@app.command("show")
def show(week: Week = "", as_json: Json = False) -> None:
    """看一周填了什么、起草到哪了。Show a week's figures and how its draft stands."""
    from warden_bot.environment import settings_from_here
    from warden_bot.handlers.bulletin import shown
    from warden_bot.kit import open_kit

    monday, settings = _monday(week), settings_from_here()

    async def work() -> dict[str, Any]:
        async with open_kit(settings) as kit, kit.database.read() as session:
            return await shown(session, _library(settings), monday)

    result = run(work())
    if as_json:
        show_json(result)
        return
    entered = "，".join(f"{name} {number}" for name, number in result["figures"].items())
    say(f"{monday} 那一周：{entered or '还没有填'}")
    if result["missing"]:
        say(f"还没填：{'、'.join(result['missing'])}")
    if result["alert"] is not None:
        say(f"警报 {result['alert']}（{WORDS[result['status']]}）\n{result['text']}")
