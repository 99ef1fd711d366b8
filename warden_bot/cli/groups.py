"""`groups`: the list of chat groups."""

from pathlib import Path
from typing import Annotated

import typer

from warden_bot.cli.console import Json, actor, run, say, show_json, warn

app = typer.Typer(help="群（chat groups）", no_args_is_help=True)


@app.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(help="CSV 或 XLSX")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="只检查，不写入")] = False,
    prune: Annotated[bool, typer.Option("--prune", help="文件里没有的群停用")] = False,
) -> None:
    """从表格导入群：按代号新增或更新，有一行不对就一行也不导入。Add or update groups by code, all or nothing."""
    from warden_bot.app import open_kit
    from warden_bot.environment import settings_from_here
    from warden_bot.errors import WardenError
    from warden_bot.handlers.group import import_groups, read_groups, unknown_people
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
                for hint in await unknown_people(session, groups):
                    warn(hint)
                count = await import_groups(session, groups, kit.sealer, actor(), now, prune=prune)
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
    from warden_bot.app import open_kit
    from warden_bot.environment import settings_from_here
    from warden_bot.store.groups import ADDRESS, all_groups

    async def work() -> list[dict[str, str]]:
        async with open_kit(settings_from_here()) as kit, kit.database.read() as session:
            return [
                {
                    "code": group.code,
                    "name": group.name,
                    "kind": group.kind.value,
                    "grade": group.grade,
                    "channel": group.channel.value,
                    "address": masked(kit.sealer.open(group.sealed_address, ADDRESS)),
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


def masked(address: str) -> str:
    """Show only the end of an address: the whole of it opens the group."""
    return "…" + address[-4:] if len(address) > 8 else "…"  # noqa: PLR2004 -- shorter ones would be half shown
