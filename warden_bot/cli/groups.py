"""`groups`: the list of chat groups."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from warden_bot.cli.console import Json, actor, local_time, run, say, show_json, warn

if TYPE_CHECKING:
    from warden_bot.store.sealing import Sealer

app = typer.Typer(help="群（chat groups）", no_args_is_help=True)


@app.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(help="CSV 或 XLSX")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="只检查，不写入")] = False,
    prune: Annotated[bool, typer.Option("--prune", help="文件里没有的群停用")] = False,
) -> None:
    """从表格导入群：按代号新增或更新，有一行不对就一行也不导入。Add or update groups by code, all or nothing."""
    from warden_bot.environment import settings_from_here
    from warden_bot.errors import WardenError
    from warden_bot.handlers.group import import_groups, read_groups, unknown_people, vague_addresses
    from warden_bot.kit import open_kit
    from warden_bot.store.database import Session
    from warden_bot.store.groups import GroupCount

    class OnlyLooking(WardenError):
        """Undoes the transaction of a dry run."""

    async def work() -> GroupCount:
        async with open_kit(settings_from_here()) as kit:
            groups = read_groups(file, kit.channels)
            now = kit.clock()
            counts: list[GroupCount] = []

            async def write(session: Session) -> GroupCount:
                for hint in [*await unknown_people(session, groups), *vague_addresses(groups, kit.channels)]:
                    warn(hint)
                count = await import_groups(session, groups, kit.channels, kit.sealer, actor(), now, prune=prune)
                counts.append(count)
                if dry_run:
                    await session.flush()
                    raise OnlyLooking
                return count

            try:
                return await kit.database.write(write)
            except OnlyLooking:
                return counts[-1]

    count = run(work())
    words = f"新增 {count.added}，更新 {count.changed}，没变 {count.unchanged}，停用 {count.retired}"
    say(f"只检查，没有写入：{words}" if dry_run else words)


@app.command("list")
def list_groups(as_json: Json = False) -> None:
    """列出在用的群。List the active groups."""
    from warden_bot.environment import settings_from_here
    from warden_bot.kit import open_kit
    from warden_bot.store.groups import all_groups

    async def work() -> list[dict[str, str]]:
        async with open_kit(settings_from_here()) as kit, kit.database.read() as session:
            return [
                {
                    "code": group.code,
                    "name": group.name,
                    "kind": group.kind.value,
                    "grade": group.grade,
                    "channel": group.channel.value,
                    "address": _masked(kit.sealer, group.sealed_address),
                    "teacher": group.teacher,
                    "officer": group.officer,
                    "status": group.status.value,
                }
                for group in await all_groups(session)
            ]

    rows = run(work())
    if as_json:
        show_json(rows)
        return
    for row in rows:
        say(f"{row['code']}\t{row['name']}\t{row['kind']}\t{row['channel']}\t{row['address']}")
    say(f"共 {len(rows)} 个群")


Rule = Annotated[str, typer.Option("--audience", help="all、campus、classes、grade:高三、group:代号，+ 加 - 减")]


@app.command("bind")
def bind(
    codes: Annotated[list[str] | None, typer.Argument(metavar="[CODE]...", help="群代号")] = None,
    audience: Annotated[str, typer.Option("--audience", help="给一批群，如 classes、grade:高三")] = "",
    as_json: Json = False,
) -> None:
    """给群做绑定码：班主任在群里发“绑定 码”，这个群就归到这个班。Make codes that bind a chat to its class."""
    from warden_bot.environment import settings_from_here
    from warden_bot.handlers.binding import GivenCode, give_codes
    from warden_bot.kit import open_kit

    if bool(codes) == bool(audience):
        raise typer.BadParameter("写群代号，或者写 --audience，只写一种")
    rule = audience or "+".join(f"group:{code}" for code in codes or [])

    async def work() -> list[GivenCode]:
        async with open_kit(settings_from_here()) as kit:
            now = kit.clock()
            return await kit.database.write(lambda session: give_codes(session, rule, kit.sealer, actor(), now))

    given = run(work())
    if as_json:
        show_json([one.as_json() for one in given])
        return
    for one in given:
        say(f"{one.group}\t{one.name}\t绑定 {one.code}")
    say("码 24 小时内有效，用一次就作废。请单独交给班主任，在班级群里（或者和机器人的私聊里）原样发出。")


@app.command("ping")
def ping(
    code: Annotated[str | None, typer.Argument(help="群代号：往这个群发一条连接测试")] = None,
    audience: Annotated[str, typer.Option("--audience", help="检查一批群，群里看不到")] = "",
    as_json: Json = False,
) -> None:
    """试一个群（发一条测试），或者检查一批群的路（群里看不到）。Send a canary, or check routes invisibly."""
    if bool(code) == bool(audience):
        raise typer.BadParameter("写一个群代号，或者写 --audience，只写一种")
    from warden_bot.cli.pinging import check_routes, send_canary

    if code:
        send_canary(code, as_json=as_json)
    else:
        check_routes(audience, as_json=as_json)


@app.command("health")
def health(audience: Rule = "all+community", as_json: Json = False) -> None:
    """每个群上次送到是什么时候、出过什么错。When each group was last reached, and what went wrong."""
    from warden_bot.domain.audience import parse_audience
    from warden_bot.environment import settings_from_here
    from warden_bot.kit import open_kit
    from warden_bot.store.health import Health, health_of

    settings = settings_from_here()

    async def work() -> list[Health]:
        chosen = parse_audience(audience)
        async with open_kit(settings) as kit, kit.database.read() as session:
            return await health_of(session, chosen)

    found = run(work())
    if as_json:
        show_json([one.as_json() for one in found])
        return
    for row in (one.as_json() for one in found):
        since = local_time(row["broken_since"], settings.zone) if row["broken_since"] else ""
        broken = f"\t断了，从 {since} 起：{row['remedy']}" if since else ""
        reached = local_time(row["last_success_at"], settings.zone) if row["last_success_at"] else "还没有"
        error = f"\t上次出错：{row['last_error']}" if row["last_error"] else ""
        say(f"{row['code']}\t{row['channel']}\t上次送到 {reached}{error}{broken}")


@app.command("links")
def links(audience: Rule = "all", as_json: Json = False) -> None:
    """列出请老师转发的班的网页，老师不用任何账号。List the pages of classes whose teachers post by hand."""
    from warden_bot.domain.audience import parse_audience
    from warden_bot.environment import settings_from_here
    from warden_bot.handlers.relaying import class_page
    from warden_bot.kit import links_of, open_kit
    from warden_bot.store.posts import groups_with_pages

    async def work() -> list[dict[str, str]]:
        chosen, settings = parse_audience(audience), settings_from_here()
        async with open_kit(settings) as kit, kit.database.read() as session:
            pages = links_of(settings, kit.sealer)
            return [
                {
                    "code": group.code,
                    "name": group.name,
                    "teacher": group.teacher,
                    "link": class_page(pages, group, kit.clock()),
                }
                for group in await groups_with_pages(session, chosen)
            ]

    rows = run(work())
    if as_json:
        show_json(rows)
        return
    for row in rows:
        say(f"{row['code']}\t{row['name']}\t{row['teacher']}\t{row['link']}")
    say("网址只给这个班的老师，180 天有效；老师换人后自动失效。")


def _masked(sealer: "Sealer", sealed_address: bytes) -> str:
    """Show only the end of an address: the whole of it opens the group. One that no key opens is named by `doctor`."""
    from warden_bot.errors import SealBroken
    from warden_bot.store.groups import ADDRESS

    try:
        address = sealer.open(sealed_address, ADDRESS)
    except SealBroken:
        return "（打不开）"
    return "…" + address[-4:] if len(address) > 8 else "…"  # noqa: PLR2004 -- shorter ones would be half shown
