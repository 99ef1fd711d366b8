"""`cases ack`, `close`, `transfer`, `note`, `reply`, `due` and `reopen`: what officers do with a case, without a browser."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from warden_bot.cli.cases import As, Code, read_typed
from warden_bot.cli.console import refuse, run_as, say

if TYPE_CHECKING:
    from warden_bot.handlers.desk_work import Bench
    from warden_bot.kit import Kit
    from warden_bot.store.database import Session
    from warden_bot.store.officers import Officer

    Work = Callable[[Session, Bench, str, Officer], Awaitable["Done"]]

Done = TypeVar("Done")
Words = Annotated[str, typer.Option("--text", help="要写的话")]


def act(code: str, officer: str, do: "Work[Done]") -> Done:
    """Do something with a case as an officer, in one transaction; return what came of it."""
    from warden_bot.content.loading import load_library
    from warden_bot.environment import settings_from_here, utc_now
    from warden_bot.handlers.desk_work import Bench

    settings = settings_from_here()
    library = load_library(settings.content_dir, utc_now().astimezone(settings.zone).date()).library

    async def work(session: "Session", kit: "Kit", who: "Officer") -> Done:
        return await do(session, Bench(kit.sealer, kit.channels, library, kit.clock()), code, who)

    return run_as(officer, settings, work)


def ack(code: Code, officer: As) -> None:
    """接一条线索：由你负责，不再叫别人。Take a case; nobody else is called any more."""
    from warden_bot.handlers.desk_work import take_on

    wanted = read_typed(code)
    act(wanted, officer, take_on)
    say(f"{wanted} 由 {officer} 负责")


def close(code: Code, officer: As, outcome: Annotated[str, typer.Option(help="结果，一句话")]) -> None:
    """结束一条线索，告诉举报人已结束。Close a case with what came of it; its reporters hear that it is over."""
    from warden_bot.handlers.desk_work import finish

    wanted = read_typed(code)
    act(wanted, officer, lambda session, bench, found, who: finish(session, bench, found, who, outcome))
    say(f"{wanted} 已结束")


def transfer(
    code: Code,
    officer: As,
    desk: Annotated[str, typer.Option(help="转给哪个岗位，如 fire 或 消防（content/desks.yml）")],
    text: Annotated[str, typer.Option("--text", help="给那边的话，可以不写")] = "",
) -> None:
    """转给另一个岗位，马上通知那里的人。Give a case to another desk, whose people are called."""
    from warden_bot.handlers.desk_work import transfer as give

    wanted = read_typed(code)
    act(wanted, officer, lambda session, bench, found, who: give(session, bench, found, desk, who, text))
    say(f"{wanted} 转给 {desk}")


def note(code: Code, officer: As, text: Words) -> None:
    """给同事记一笔，加密保存。Write something down for colleagues; sealed."""
    from warden_bot.handlers.desk_work import note as write

    wanted = read_typed(code)
    act(wanted, officer, lambda session, bench, found, who: write(session, bench, found, who, text))
    say(f"{wanted} 记下了")


def reply(code: Code, officer: As, text: Words) -> None:
    """给举报人回话，对方拿编号看。Write to the reporter, who reads it by the code."""
    from warden_bot.handlers.desk_work import answer_reporter

    wanted = read_typed(code)
    readers = act(wanted, officer, lambda session, bench, found, who: answer_reporter(session, bench, found, who, text))
    if readers > 1:
        say(f"{wanted} 记下了，{readers} 个人举报了这件事，拿编号都能看到")
    else:
        say(f"{wanted} 记下了，对方拿编号能看到")


def due(code: Code, officer: As, day: Annotated[str, typer.Option("--date", help="哪天以前，如 2026-12-01")]) -> None:
    """定一个整改期限。Set by when something is to be put right."""
    from warden_bot.domain.due import end_of, read_day
    from warden_bot.environment import settings_from_here, utc_now
    from warden_bot.handlers.desk_work import set_due

    zone = settings_from_here().zone
    wanted, found_day = read_typed(code), read_day(day, utc_now().astimezone(zone).date())
    if found_day is None:
        raise refuse(f"“{day}”不是今天以后的日期，请写成 2026-12-01")
    until = end_of(found_day, zone)
    act(wanted, officer, lambda session, bench, found, who: set_due(session, bench, found, who, until))
    say(f"{wanted} 期限 {found_day}")


def reopen(code: Code, officer: As) -> None:
    """重开一条已结束的线索，重新叫人。Open a closed case again; somebody is called as for a new one."""
    from warden_bot.handlers.desk_work import reopen as open_again

    wanted = read_typed(code)
    act(wanted, officer, open_again)
    say(f"{wanted} 重开了")
