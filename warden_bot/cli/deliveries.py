"""`deliveries`: what was not reached and why, and sending it again by hand."""

from typing import Annotated

import typer

from warden_bot.cli.broadcasts import WORDS
from warden_bot.cli.console import Json, actor, run, say, show_json

app = typer.Typer(help="投递（deliveries）", no_args_is_help=True)
Id = Annotated[list[int] | None, typer.Argument(metavar="ID…", min=1, max=2**63 - 1, help="投递编号")]


@app.command("list")
def list_all(
    status: Annotated[list[str] | None, typer.Option(help="failed、unconfirmed、expired、queued……可以写几次")] = None,
    broadcast: Annotated[int | None, typer.Option(min=1, max=2**63 - 1, help="只看这次广播")] = None,
    most: Annotated[int, typer.Option(min=1, max=1_000_000, help="最多几条，新的在前")] = 1000,
    as_json: Json = False,
) -> None:
    """列出投递。List deliveries, for example those that failed."""
    from warden_bot.environment import settings_from_here
    from warden_bot.kit import open_kit
    from warden_bot.states import DeliveryStatus
    from warden_bot.store.listing import Listed, list_deliveries

    unknown = [one for one in status or [] if one not in set(DeliveryStatus)]
    if unknown:
        raise typer.BadParameter(f"要写 {'、'.join(DeliveryStatus)} 之一", param_hint="--status")

    async def work() -> list[Listed]:
        async with open_kit(settings_from_here()) as kit, kit.database.read() as session:
            return await list_deliveries(session, [DeliveryStatus(one) for one in status or []], broadcast, most)

    rows = [one.as_json() for one in run(work())]
    if as_json:
        show_json(rows)
        return
    for row in rows:
        reason = f"（{row['code']} {row['platform_words']}".rstrip() + "）" if row["code"] else ""
        say(f"{row['id']}  {row['group'] or row['officer'] or '私聊'}  {WORDS[row['status']]}{reason}")
    if not rows:
        say("没有这样的投递")


@app.command("retry")
def retry(
    ids: Id = None,
    broadcast: Annotated[int | None, typer.Option(min=1, max=2**63 - 1, help="这次广播没送到的全部再发")] = None,
    as_json: Json = False,
) -> None:
    """没送到的再发一次（编号不变，对方能认出重复）。Send stranded deliveries again, under their old keys."""
    from warden_bot.environment import settings_from_here
    from warden_bot.handlers.replay import replay_broadcast, replay_deliveries
    from warden_bot.kit import open_kit

    if bool(ids) == (broadcast is not None):
        raise typer.BadParameter("写投递编号，或者 --broadcast，只写一种")

    async def work() -> int:
        async with open_kit(settings_from_here()) as kit:
            now, who = kit.clock(), actor()
            if broadcast is not None:
                return await kit.database.write(lambda session: replay_broadcast(session, broadcast, who, now))
            return await kit.database.write(lambda session: replay_deliveries(session, ids or [], who, now))

    count = run(work())
    if as_json:
        show_json({"retried": count})
    else:
        say(f"{count} 条重新排队，运行中的 warden-bot serve 会发出去")
