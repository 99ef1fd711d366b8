"""`cases`: the duty desk without a browser."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from warden_bot.cli.console import Json, refuse, run, say, show_json

if TYPE_CHECKING:
    from datetime import tzinfo

    from warden_bot.handlers.desk_work import Noted
    from warden_bot.store.cases import Case

app = typer.Typer(help="线索（cases）", no_args_is_help=True)
As = Annotated[str, typer.Option("--as", help="谁在操作（officers add 登记过的名字）")]
Code = Annotated[str, typer.Argument(metavar="CODE", help="线索编号，如 7K4Q-M2XD")]


def _row(case: "Case") -> dict[str, Any]:
    return {
        "code": case.code,
        "status": case.status.value,
        "category": case.category,
        "danger": case.danger,
        "opened_at": case.opened_at.isoformat(timespec="microseconds"),
        "acknowledged_at": case.acknowledged_at.isoformat(timespec="microseconds") if case.acknowledged_at else None,
        "closed_at": case.closed_at.isoformat(timespec="microseconds") if case.closed_at else None,
        "outcome": case.outcome,
        "desk": case.desk,
        "due_at": case.due_at.isoformat(timespec="microseconds") if case.due_at else None,
    }


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
    "opened_words": "看了原文",
    "opened_reporter": "看了是谁举报的",
    "transferred": "转岗位",
    "noted": "记录",
    "answered": "回话",
    "reminded": "提醒",
    "due_set": "定期限",
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
def list_cases(as_json: Json = False) -> None:
    """列出线索，新的在前。List the cases, the newest first."""
    from warden_bot.environment import settings_from_here
    from warden_bot.handlers.case import category_words
    from warden_bot.kit import open_kit
    from warden_bot.store.cases import all_cases

    settings = settings_from_here()
    zone = settings.zone

    async def work() -> list[dict[str, Any]]:
        async with open_kit(settings) as kit, kit.database.read() as session:
            return [_row(case) for case in await all_cases(session)]

    rows = run(work())
    if as_json:
        show_json(rows)
        return
    for row in rows:
        say(
            f"{row['code']}\t{_WORDS[row['status']]}\t{category_words(row['category'])}\t{_local(row['opened_at'], zone)}"
        )
    say(f"共 {len(rows)} 条")


@app.command("show")
def show(
    code: Code,
    officer: Annotated[str | None, typer.Option("--as", help="以谁的身份打开原文，会记下来")] = None,
    as_json: Json = False,
) -> None:
    """看一条线索的经过；加 --as 才打开原文和记录，并记下谁看过。Show a case's history; with --as the words too."""
    from warden_bot.content.library import load_library
    from warden_bot.environment import settings_from_here
    from warden_bot.errors import Refused
    from warden_bot.handlers.case import category_words, named_officer, read_tips
    from warden_bot.handlers.desk_work import Bench, read_notes
    from warden_bot.kit import open_kit
    from warden_bot.store.cases import case_by_code, events_of
    from warden_bot.store.database import Session
    from warden_bot.store.officers import all_officers

    settings = settings_from_here()
    zone = settings.zone
    wanted = read_typed(code)

    async def work() -> dict[str, Any]:
        async with open_kit(settings) as kit:
            now = kit.clock()
            library = load_library(settings.content_dir, now.astimezone(zone).date()).library

            async def read(session: Session) -> dict[str, Any]:
                reader = await named_officer(session, officer or "")
                tips = await read_tips(session, wanted, reader, kit.sealer, now, library.desks)
                bench = Bench(kit.sealer, kit.channels, library, now)
                return {"tips": tips, "notes": [_note(one) for one in await read_notes(session, bench, wanted, reader)]}

            words = await kit.database.write(read) if officer is not None else {}
            async with kit.database.read() as session:
                case = await case_by_code(session, wanted)
                if case is None:
                    raise Refused(f"没有编号 {wanted} 的线索")
                names = {person.id: person.name for person in await all_officers(session)}
                events = [
                    {
                        "kind": event.kind.value,
                        "at": event.at.isoformat(timespec="microseconds"),
                        "officer": names.get(event.officer_id),
                        "step": event.step,
                    }
                    for event in await events_of(session, case)
                ]
            return {**_row(case), "desk_title": library.desks.of(case.desk).title, "events": events} | words

    found = run(work())
    if as_json:
        show_json(found)
        return
    say(f"{found['code']}（{_WORDS[found['status']]}）{category_words(found['category'])} {found['outcome']}".rstrip())
    say(f"  岗位 {found['desk_title']}" + (f"，期限 {_local(found['due_at'], zone)}" if found["due_at"] else ""))
    for event in found["events"]:
        say(f"  {_local(event['at'], zone)} {_WORDS[event['kind']]} {event['officer'] or ''}".rstrip())
    for words in found.get("tips", []):
        say(f"  原文：{words}")
    for one in found.get("notes", []):
        say(f"  {_local(one['at'], zone)} {_WORDS[one['kind']]} {one['officer'] or ''}：{one['text']}")


@app.command("ack")
def ack(code: Code, officer: As) -> None:
    """接一条线索：由你负责，不再叫别人。Take a case; nobody else is called any more."""
    from warden_bot.content.desks import read_desks
    from warden_bot.environment import settings_from_here
    from warden_bot.handlers.case import acknowledge, named_officer
    from warden_bot.kit import open_kit
    from warden_bot.store.database import Session

    wanted, settings = read_typed(code), settings_from_here()

    async def work() -> None:
        async with open_kit(settings) as kit:
            now = kit.clock()
            desks, _ = read_desks(settings.content_dir)

            async def write(session: Session) -> None:
                await acknowledge(session, wanted, await named_officer(session, officer), now, desks)

            await kit.database.write(write)

    run(work())
    say(f"{wanted} 由 {officer} 负责")
