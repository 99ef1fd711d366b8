"""`cases`: the duty desk without a browser."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from warden_bot.cli.console import Json, refuse, run, say, show_json

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, tzinfo

    from warden_bot.content.desks import Desks
    from warden_bot.handlers.desk_work import Noted
    from warden_bot.store.cases import Case
    from warden_bot.store.database import Session
    from warden_bot.store.officers import Officer

app = typer.Typer(help="线索（cases）", no_args_is_help=True)
As = Annotated[str, typer.Option("--as", help="谁在操作（officers add 登记过的名字）")]
Code = Annotated[str, typer.Argument(metavar="CODE", help="线索编号，如 7K4Q-M2XD")]


def _row(case: "Case", desks: "Desks", reader: "Officer | None", now: "datetime") -> dict[str, Any]:
    """Return a case as JSON shows it. What a restricted desk's case is about, and came to, is for who works there."""
    from warden_bot.store.past_due import is_overdue

    desk = desks.of(case.desk)
    open_to = not desk.restricted or (reader is not None and desk.admits(reader.name, reader.role))
    return {
        "code": case.code,
        "status": case.status.value,
        "category": case.category if open_to else None,
        "danger": case.danger,
        "opened_at": case.opened_at.isoformat(timespec="microseconds"),
        "acknowledged_at": case.acknowledged_at.isoformat(timespec="microseconds") if case.acknowledged_at else None,
        "closed_at": case.closed_at.isoformat(timespec="microseconds") if case.closed_at else None,
        "outcome": case.outcome if open_to else "",
        "desk": case.desk,
        "desk_title": desk.title,
        "due_at": case.due_at.isoformat(timespec="microseconds") if case.due_at else None,
        "overdue": is_overdue(case, now),
    }


def _about(row: "Mapping[str, Any]") -> str:
    from warden_bot.domain.categories import category_words

    return category_words(row["category"]) if row["category"] is not None else f"{row['desk_title']}，限本组看"


def due_words(row: "Mapping[str, Any]", zone: "tzinfo") -> str:
    """Say by when something is to be put right, "" where nothing is."""
    from datetime import datetime

    if row["due_at"] is None:
        return ""
    day = f"{datetime.fromisoformat(row['due_at']).astimezone(zone):%m-%d}"
    return f"\t期限 {day}" + ("，已过期" if row["overdue"] else "")


def _note(one: "Noted") -> dict[str, Any]:
    at = one.at.isoformat(timespec="microseconds")
    return {"kind": one.kind.value, "at": at, "officer": one.officer, "text": one.words}


_WORDS = {
    "open": "没人接",
    "acknowledged": "有人负责",
    "closed": "已结束",
    "opened": "收到",
    "notified": "通知",
    "notice_failed": "没通知到",
    "tip_added": "补充",
    "no_one_on_duty": "没有人值班",
    "escalated": "再通知",
    "opened_words": "看了原话",
    "opened_reporter": "看了是谁举报的",
    "transferred": "转岗位",
    "noted": "记录",
    "answered": "回话",
    "reminded": "提醒",
    "due_set": "定期限",
    "recheck_asked": "提醒复查",
    "reopened": "重开",
    "note": "记录",
    "to_reporter": "回举报人",
    "from_reporter": "举报人说",
}


def _local(instant: str, zone: "tzinfo") -> str:
    from datetime import datetime

    return datetime.fromisoformat(instant).astimezone(zone).strftime("%m-%d %H:%M:%S")


def read_typed(typed: str) -> str:
    """Return the code that was typed, or refuse in one line."""
    from warden_bot.domain.receipt import read_code

    code = read_code(typed)
    if code is None:
        raise refuse(f"“{typed}”不是线索编号，编号像 7K4Q-M2XD")
    return code


@app.command("list")
def list_cases(
    officer: Annotated[
        str | None, typer.Option("--as", help="以谁的身份看；限本组看的岗位，本组的人才看得到类别")
    ] = None,
    as_json: Json = False,
) -> None:
    """列出线索，新的在前。List the cases, the newest first; --as shows what a restricted desk's own are about."""
    from warden_bot.content.desks import read_desks
    from warden_bot.environment import settings_from_here
    from warden_bot.handlers.case import named_officer
    from warden_bot.kit import open_kit
    from warden_bot.store.cases import all_cases

    settings = settings_from_here()
    zone = settings.zone

    async def work() -> list[dict[str, Any]]:
        async with open_kit(settings) as kit, kit.database.read() as session:
            desks, _ = read_desks(settings.content_dir)
            reader = await named_officer(session, officer) if officer is not None else None
            now = kit.clock()
            return [_row(case, desks, reader, now) for case in await all_cases(session)]

    rows = run(work())
    if as_json:
        show_json(rows)
        return
    for row in rows:
        said = f"{row['code']}\t{_WORDS[row['status']]}\t{_about(row)}\t{_local(row['opened_at'], zone)}"
        say(said + due_words(row, zone))
    say(f"共 {len(rows)} 条")


@app.command("show")
def show(
    code: Code,
    officer: Annotated[str | None, typer.Option("--as", help="以谁的身份打开原话，会记下来")] = None,
    as_json: Json = False,
) -> None:
    """看一条线索的经过；加 --as 才打开原话和记录，并记下谁看过。Show a case's history; with --as the words too."""
    from warden_bot.content.loading import load_library
    from warden_bot.environment import settings_from_here
    from warden_bot.handlers.case import named_officer, read_tips
    from warden_bot.handlers.desk_work import Bench, read_notes
    from warden_bot.kit import open_kit

    settings = settings_from_here()
    zone = settings.zone
    wanted = read_typed(code)

    async def work() -> dict[str, Any]:
        async with open_kit(settings) as kit:
            now = kit.clock()
            library = load_library(settings.content_dir, now.astimezone(zone).date()).library

            async def read(session: "Session") -> dict[str, Any]:
                reader = await named_officer(session, officer or "")
                tips = await read_tips(session, wanted, reader, kit.sealer, now, library.desks)
                bench = Bench(kit.sealer, kit.channels, library, now)
                return {"tips": tips, "notes": [_note(one) for one in await read_notes(session, bench, wanted, reader)]}

            words = await kit.database.write(read) if officer is not None else {}
            async with kit.database.read() as session:
                return await _with_history(session, wanted, library.desks, officer, now) | words

    found = run(work())
    if as_json:
        show_json(found)
    else:
        _say_case(found, zone)


async def _with_history(
    session: "Session", code: str, desks: "Desks", officer: str | None, now: "datetime"
) -> dict[str, Any]:
    from warden_bot.errors import Refused
    from warden_bot.store.cases import events_of
    from warden_bot.store.officers import all_officers
    from warden_bot.store.receipts import case_of_code

    case = await case_of_code(session, code)
    if case is None:
        raise Refused(f"没有编号 {code} 的线索")
    people = await all_officers(session)
    reader = next((one for one in people if one.name == officer), None)
    names = {person.id: person.name for person in people}
    events = [
        {
            "kind": event.kind.value,
            "at": event.at.isoformat(timespec="microseconds"),
            "officer": names.get(event.officer_id),
            "step": event.step,
        }
        for event in await events_of(session, case)
    ]
    return {**_row(case, desks, reader, now), "events": events}


def _say_case(found: dict[str, Any], zone: "tzinfo") -> None:
    say(f"{found['code']}（{_WORDS[found['status']]}）{_about(found)} {found['outcome']}".rstrip())
    say(f"  岗位 {found['desk_title']}" + due_words(found, zone).replace("\t", "，"))
    for event in found["events"]:
        say(f"  {_local(event['at'], zone)} {_WORDS[event['kind']]} {event['officer'] or ''}".rstrip())
    for words in found.get("tips", []):
        say(f"  原话：{words}")
    for one in found.get("notes", []):
        say(f"  {_local(one['at'], zone)} {_WORDS[one['kind']]} {one['officer'] or ''}：{one['text']}")
