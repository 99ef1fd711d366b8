"""`groups ping`: one canary into one group, or a check of many routes that nobody in the groups sees."""

from typing import TYPE_CHECKING

import typer

from warden_bot.cli.console import actor, refuse, run, say, show_json

if TYPE_CHECKING:
    from warden_bot.handlers.pinging import Pinged

RESULTS = {"works": "通", "broken": "断了", "unsure": "没问出来", "cannot_be_asked": "要发一条才知道"}
CANARY_SECONDS = 60


def send_canary(code: str, *, as_json: bool) -> None:
    """Send one group a line that says it is a test, wait for it, and say how it went; exit 1 when it did not arrive."""
    from warden_bot.cli.broadcasts import deliver_here
    from warden_bot.handlers.broadcast import Order
    from warden_bot.states import Priority

    words = run(_canary_words())
    order = Order(words, "", f"group:{code}", Priority.BROADCAST, actor())
    result = run(deliver_here(order, CANARY_SECONDS))
    arrived = any(result["counts"][one] for one in ("sent", "relay_pending", "relayed"))
    if as_json:
        show_json({"code": code, "arrived": arrived, "counts": result["counts"], "problems": result["problems"]})
    else:
        reasons = "；".join(one["reason"] for one in result["problems"]) or f"等了 {CANARY_SECONDS} 秒，不再等了"
        say(f"{code}：送到了" if arrived else f"{code}：没送到。{reasons}")
    if not arrived:
        raise typer.Exit(1)


async def _canary_words() -> str:
    from warden_bot.environment import settings_from_here
    from warden_bot.kit import open_kit

    async with open_kit(settings_from_here()) as kit:
        return kit.phrases("ping", {})


def check_routes(audience: str, *, as_json: bool) -> None:
    """Check the routes of an audience; exit 1 when one is broken."""
    pinged = run(_check(audience))
    if not pinged:
        raise refuse(f"没有一个群符合“{audience}”")
    if as_json:
        show_json([one.as_json() for one in pinged])
    else:
        for one in pinged:
            reason = f"：{one.as_json()['reason']}" if one.trouble else ""
            say(f"{one.code}\t{one.channel}\t{RESULTS[one.result]}{reason}")
    if any(one.result == "broken" for one in pinged):
        raise typer.Exit(1)


async def _check(audience: str) -> "list[Pinged]":
    from warden_bot.audit_actions import AuditAction
    from warden_bot.domain.audience import parse_audience
    from warden_bot.environment import settings_from_here
    from warden_bot.handlers.pinging import ping_groups, write_down
    from warden_bot.kit import open_kit
    from warden_bot.store.audit import add_entry
    from warden_bot.store.database import Session
    from warden_bot.store.groups import groups_in_audience

    chosen = parse_audience(audience)
    async with open_kit(settings_from_here()) as kit:
        async with kit.database.read() as session:
            groups = await groups_in_audience(session, chosen)
        pinged = await ping_groups(groups, kit.channels, kit.sealer)
        now = kit.clock()

        async def keep(session: Session) -> None:
            await write_down(session, pinged, now)
            add_entry(session, actor(), AuditAction.GROUPS_PINGED, f"{len(pinged)}: {audience}"[:200], now)

        await kit.database.write(keep)
        return pinged
