"""`officers` and `shifts`: the people of the station and their duty hours."""

from datetime import date, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Annotated, Any

import typer

from warden_bot.cli.console import Json, actor, refuse, run, say, show_json, warn
from warden_bot.errors import Fault

officers = typer.Typer(help="民警（officers）", no_args_is_help=True)
shifts = typer.Typer(help="值班表（the duty roster）", no_args_is_help=True)

As = Annotated[str, typer.Option("--as", help="哪位所长（officers add 登记过的名字）")]


@officers.callback()
def _officers() -> None:
    """Keep `add` a command of its own although it is the only one."""


@shifts.callback()
def _shifts() -> None:
    """Say what the group of commands is for, on its own page of help."""


@officers.command("add")
def add(
    name: Annotated[str, typer.Argument(help="名字，值班表里也这样写")],
    role: Annotated[str, typer.Option(help="officer、chief、editor、security 或 operator")],
    channel: Annotated[str | None, typer.Option(help="用哪个渠道私下通知")] = None,
    address: Annotated[str, typer.Option(help="那个渠道上的地址")] = "",
) -> None:
    """加一个人；名字已有就更新。Add a person, or update the one with this name."""
    from warden_bot.environment import settings_from_here
    from warden_bot.handlers.roster import add_officer, check_address
    from warden_bot.kit import open_kit
    from warden_bot.states import ChannelKind, OfficerRole
    from warden_bot.store.database import Session

    if role not in set(OfficerRole):
        raise typer.BadParameter(f"要写 {'、'.join(OfficerRole)} 之一", param_hint="--role")
    if channel is not None and channel not in set(ChannelKind):
        raise typer.BadParameter(f"要写 {'、'.join(ChannelKind)} 之一", param_hint="--channel")
    if not name.strip():
        raise typer.BadParameter("名字不能空着", param_hint="NAME")
    kind = ChannelKind(channel) if channel else None

    async def work() -> bool:
        async with open_kit(settings_from_here()) as kit:
            check_address(kit.channels, kind, address)
            now = kit.clock()

            async def register(session: Session) -> bool:
                written, who = name.strip(), OfficerRole(role)
                added = await add_officer(session, written, who, kind, address, kit.sealer, actor(), now)
                return added.channel is not None

            return await kit.database.write(register)

    reachable = run(work())
    say(f"{name.strip()}（{role}）已登记" + ("" if reachable else "，还没有通知地址"))


@officers.command("link")
def link(name: Annotated[str, typer.Argument(metavar="NAME", help="登记过的名字")]) -> None:
    """给一个人登录值班台的网址，10分钟内有效。Print the address with which a person signs in to the console."""
    from warden_bot.environment import settings_from_here
    from warden_bot.handlers.case import named_officer
    from warden_bot.handlers.signing_in import give_way_on_command
    from warden_bot.kit import open_kit
    from warden_bot.store.database import Session

    settings = settings_from_here()

    async def work() -> str:
        async with open_kit(settings) as kit:
            now = kit.clock()

            async def give(session: Session) -> str:
                officer = await named_officer(session, name)
                return await give_way_on_command(session, officer, settings.base_url, kit.sealer, actor(), now)

            return await kit.database.write(give)

    say(run(work()))


@shifts.command("import")
def import_file(file: Annotated[Path, typer.Argument(help="CSV 或 XLSX：officer,starts_at,ends_at,step")]) -> None:
    """导入值班表，替换同一段时间的旧班。Take over a roster file, all or nothing."""
    from warden_bot.environment import settings_from_here
    from warden_bot.handlers.roster import import_shifts
    from warden_bot.kit import open_kit

    async def work() -> tuple[int, list[Fault]]:
        settings = settings_from_here()
        async with open_kit(settings) as kit:
            now = kit.clock()
            return await kit.database.write(lambda session: import_shifts(session, file, settings.zone, actor(), now))

    count, odd = run(work())
    say(f"导入 {count} 个班")
    for one in odd:
        warn(f"提醒 {one}")


@shifts.command("template")
def template(
    file: Annotated[Path, typer.Argument(help="CSV 或 XLSX：weekday,starts,ends,officer,step")],
    weeks: Annotated[int, typer.Option(min=1, max=104, help="排几个星期")],
    start: Annotated[str, typer.Option("--from", help="从哪天起，如 2026-11-30；不写就从今天")] = "",
) -> None:
    """按每周轮班表排班，替换同一段时间的旧班。Make shifts from a weekly rotation, all or nothing."""
    from warden_bot.environment import settings_from_here
    from warden_bot.handlers.roster import import_rotation
    from warden_bot.kit import open_kit

    settings = settings_from_here()

    async def work() -> int:
        async with open_kit(settings) as kit:
            now = kit.clock()
            first = _day(start) if start else now.astimezone(settings.zone).date()
            return await kit.database.write(
                lambda session: import_rotation(session, file, weeks, first, settings.zone, actor(), now)
            )

    say(f"排了 {run(work())} 个班")


@shifts.command("list")
def list_shifts(
    days: Annotated[int, typer.Option(min=1, max=370, help="从现在起看几天")] = 7, as_json: Json = False
) -> None:
    """列出现在和以后几天的班，没人值的时段也列出。List the shifts of now and the coming days, and the gaps."""
    from warden_bot.environment import settings_from_here
    from warden_bot.handlers.changeover import roster
    from warden_bot.kit import open_kit

    settings = settings_from_here()

    async def work() -> list[dict[str, Any]]:
        async with open_kit(settings) as kit, kit.database.read() as session:
            now = kit.clock()
            return await roster(session, now, now + timedelta(days=days))

    found = run(work())
    if as_json:
        show_json(found)
        return
    for shift in found:
        say(_line(shift, settings.zone))
    if all(shift["officer"] is None for shift in found):
        say("没有排班：来了线索直接叫所长")


@shifts.command("swap")
def swap(
    first: Annotated[str, typer.Argument(metavar="OFFICER_A", help="一位民警")],
    second: Annotated[str, typer.Argument(metavar="OFFICER_B", help="另一位民警")],
    on: Annotated[str, typer.Option("--on", help="哪天开始的班，如 2026-11-30")],
    name: As,
) -> None:
    """两个人换某一天的班。Let two officers trade their shifts of a day."""
    from warden_bot.environment import settings_from_here
    from warden_bot.handlers.roster import chief, swap_shifts
    from warden_bot.kit import open_kit
    from warden_bot.store.database import Session

    settings, day = settings_from_here(), _day(on)

    async def work() -> int:
        async with open_kit(settings) as kit:
            now = kit.clock()

            async def change(session: Session) -> int:
                by = await chief(session, name)
                return await swap_shifts(session, first, second, day, settings.zone, by, now)

            return await kit.database.write(change)

    say(f"{first} 和 {second} {day} 换了 {run(work())} 个班")


@shifts.command("override")
def override(
    officer: Annotated[str, typer.Argument(help="谁来值")],
    start: Annotated[str, typer.Option("--from", help="从几点，如 2026-11-30T08:00")],
    until: Annotated[str, typer.Option("--until", help="到几点")],
    name: As,
    step: Annotated[int, typer.Option(help="第几个叫，1 最先")] = 1,
) -> None:
    """让一个人顶这段时间的班。Put an officer on duty in place of whoever has these hours."""
    from warden_bot.domain.duty import Shift
    from warden_bot.environment import settings_from_here
    from warden_bot.handlers.roster import chief, override_shift
    from warden_bot.kit import open_kit
    from warden_bot.store.database import Session

    settings = settings_from_here()

    async def work() -> Shift:
        async with open_kit(settings) as kit:
            now = kit.clock()

            async def change(session: Session) -> Shift:
                by = await chief(session, name)
                return await override_shift(session, officer, (start, until), step, settings.zone, by, now)

            return await kit.database.write(change)

    run(work())
    say(f"{officer} 顶 {start} 到 {until} 的班（第 {step} 个叫）")


@shifts.command("handover")
def handover(as_json: Json = False) -> None:
    """交接班：没结束的线索、谁在办、没动过的、下一班。没有线索原话。The hand-over page, without any tip's words."""
    from warden_bot.cli.cases import due_words
    from warden_bot.content.loading import load_library
    from warden_bot.domain.categories import category_words
    from warden_bot.environment import settings_from_here
    from warden_bot.handlers.changeover import hand_over
    from warden_bot.kit import open_kit

    settings = settings_from_here()

    async def work() -> dict[str, Any]:
        async with open_kit(settings) as kit, kit.database.read() as session:
            now = kit.clock()
            library = load_library(settings.content_dir, now.astimezone(settings.zone).date()).library
            return await hand_over(session, library, now)

    page = run(work())
    if as_json:
        show_json(page)
        return
    for title, found in (("现在值班", page["on_duty"]), ("下一班", page["next"])):
        say(f"{title}：" + ("" if found else "没有排班"))
        for shift in found:
            say(f"  {_line(shift, settings.zone)}")
    if page["gaps"]:
        say("7 天内没人值班的：")
    for gap in page["gaps"]:
        say(f"  {_line(gap, settings.zone)}")
    say(f"没结束的线索：{len(page['cases'])} 条")
    for case in page["cases"]:
        about = category_words(case["category"]) if case["category"] else "限本组看"
        said = f"  {case['code']}  {about}  {case['officer'] or '没人接'}" + ("  没有动过" if case["untouched"] else "")
        say(said + due_words(case, settings.zone))


def _day(written: str) -> date:
    try:
        return date.fromisoformat(written)
    except ValueError:
        raise refuse(f"“{written}”不是日期，要写成 2026-11-30") from None


def _line(shift: dict[str, Any], zone: tzinfo) -> str:
    starts, ends = (
        datetime.fromisoformat(shift[name]).astimezone(zone).strftime("%m-%d %H:%M")
        for name in ("starts_at", "ends_at")
    )
    return f"{starts} — {ends}  第 {shift['step']} 个叫  {shift['officer'] or '没人值班'}"
