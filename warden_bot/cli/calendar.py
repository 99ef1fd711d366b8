"""`calendar`: what the year will push, and what it will not, ahead of time."""

from datetime import datetime, time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from warden_bot.cli.console import Json, explain, refuse, run, say, show_json, warn

if TYPE_CHECKING:
    from warden_bot.domain.plan import Planner
    from warden_bot.settings import Settings

app = typer.Typer(help="推送日历（what will be pushed）", no_args_is_help=True)
DAYS_SHOWN = 14
SUPPOSED = "按“每种群各有一个、还什么都没收到过”来算"


@app.callback()
def calendar() -> None:
    """看日历。Look at the calendar."""


@app.command("next")
def next_pushes(
    days: Annotated[int, typer.Option(help="看几天", min=1, max=800)] = DAYS_SHOWN,
    start: Annotated[str, typer.Option("--from", help="从哪天看起，如 2027-01-01")] = "",
    as_json: Json = False,
) -> None:
    """接下来推什么、哪条会跳过、为什么。Show what is pushed next, which is skipped, and why."""
    from warden_bot.content.loading import load_library
    from warden_bot.environment import settings_from_here, utc_now
    from warden_bot.errors import FaultsFound
    from warden_bot.handlers.planning import coming_pushes, planner_of
    from warden_bot.store.columns import iso

    settings, now = settings_from_here(), utc_now()
    since = _first_moment(start, settings) or now
    loaded = load_library(settings.content_dir, now.astimezone(settings.zone).date())
    if loaded.faults:
        raise FaultsFound(loaded.faults)
    library = loaded.library
    planner = planner_of(library, settings.zone)
    if since < now:
        warn(f"从过去看起：{SUPPOSED}")
    else:
        run(_learn(planner, settings, now))
    shown: list[dict[str, Any]] = []
    for one in coming_pushes(planner, library, now, since, days):
        entry, at = one.occurrence.entry, one.occurrence.due_at.astimezone(settings.zone)
        row = {
            "campaign": entry.campaign,
            "title": library.campaigns[entry.campaign].title,
            "due_at": iso(one.occurrence.due_at),
            "leave_until": iso(one.occurrence.leave_until),
            "audience": planner.audiences[entry.audience or entry.campaign].rule,
            "wording": one.wording,
            "skipped": one.skipped,
        }
        shown.append(row)
        if not as_json:
            end = f"跳过：{one.skipped}" if one.skipped else f"第 {one.wording} 种说法"
            say(f"{at:%Y-%m-%d} {'一二三四五六日'[at.weekday()]} {at:%H:%M} {row['title']}（{row['audience']}）{end}")
    if as_json:
        show_json(shown)
    elif not shown:
        say(f"这 {days} 天没有推送")


def _first_moment(start: str, settings: "Settings") -> datetime | None:
    """Return when the wanted day begins, None where none is named."""
    try:
        return datetime.combine(datetime.fromisoformat(start).date(), time(), settings.zone) if start else None
    except ValueError:
        raise refuse(f"日历上没有“{start}”这一天，要写成 2027-01-01") from None


async def _learn(planner: "Planner", settings: "Settings", now: datetime) -> None:
    """Tell the planner of the school's groups where there is a database that is current; else say what is supposed."""
    from warden_bot.errors import DatabaseBehind
    from warden_bot.handlers.planning import learn_school
    from warden_bot.store.database import Database

    database = Database(settings.database_url, settings.school_id)
    try:
        await database.require_current()
        async with database.read() as session:
            if not await learn_school(session, planner, now):
                warn(f"还没有群（groups import）：{SUPPOSED}")
    except Exception as error:
        if not isinstance(error, DatabaseBehind) and not type(error).__module__.startswith("sqlalchemy"):
            raise
        explain(error)
        warn(f"没有数据库可看：{SUPPOSED}")
    finally:
        await database.close()
