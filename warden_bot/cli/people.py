"""`officers` and `shifts`: the people of the station and their duty hours."""

from pathlib import Path
from typing import Annotated

import typer

from warden_bot.cli.console import actor, run, say

officers = typer.Typer(help="民警（officers）", no_args_is_help=True)
shifts = typer.Typer(help="值班表（the duty roster）", no_args_is_help=True)


@officers.callback()
def _officers() -> None:
    """Keep `add` a command of its own although it is the only one."""


@shifts.callback()
def _shifts() -> None:
    """Keep `import` a command of its own although it is the only one."""


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

    if role not in set(OfficerRole):
        raise typer.BadParameter(f"要写 {'、'.join(OfficerRole)} 之一", param_hint="--role")
    if channel is not None and channel not in set(ChannelKind):
        raise typer.BadParameter(f"要写 {'、'.join(ChannelKind)} 之一", param_hint="--channel")
    if not name.strip():
        raise typer.BadParameter("名字不能空着", param_hint="NAME")
    kind = ChannelKind(channel) if channel else None

    async def work() -> None:
        async with open_kit(settings_from_here()) as kit:
            check_address(kit.channels, kind, address)
            now = kit.clock()
            await kit.database.write(
                lambda session: add_officer(
                    session, name.strip(), OfficerRole(role), kind, address, kit.sealer, actor(), now
                )
            )

    run(work())
    say(f"{name.strip()}（{role}）已登记" + ("" if kind else "，还没有通知地址"))


@shifts.command("import")
def import_file(file: Annotated[Path, typer.Argument(help="CSV 或 XLSX：officer,starts_at,ends_at,step")]) -> None:
    """导入值班表，替换同一段时间的旧班。Take over a roster file, all or nothing."""
    from warden_bot.environment import settings_from_here
    from warden_bot.handlers.roster import import_shifts
    from warden_bot.kit import open_kit

    async def work() -> int:
        settings = settings_from_here()
        async with open_kit(settings) as kit:
            now = kit.clock()
            return await kit.database.write(lambda session: import_shifts(session, file, settings.zone, actor(), now))

    say(f"导入 {run(work())} 个班")
