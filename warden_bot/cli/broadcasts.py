"""`broadcast`: send something by hand and see how far it has got."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from warden_bot.cli.console import Json, actor, refuse, run, say, show_json, warn

if TYPE_CHECKING:
    from warden_bot.store.database import Session

app = typer.Typer(help="广播（broadcasts）", no_args_is_help=True)
LOOK_SECONDS = 0.2
LOOK_SHARE = 20  # counting a very large broadcast takes a while: looking may take one part in so many of the time
Number = Annotated[int, typer.Argument(metavar="ID", min=1, max=2**63 - 1)]
WORDS = {
    "queued": "等候",
    "sending": "正在发",
    "sent": "已送到",
    "unconfirmed": "没回音",
    "failed": "没送到",
    "cancelled": "已撤回",
    "expired": "过时没发",
    "relay_pending": "等老师转发",
    "relayed": "老师已转发",
}


@app.command("send")
def send(
    message: Annotated[str | None, typer.Option(help="推送编号（content/campaigns/ 里的）")] = None,
    text: Annotated[str | None, typer.Option(help="要发的话")] = None,
    title: Annotated[str, typer.Option(help="标题")] = "",
    audience: Annotated[str, typer.Option(help="all、campus、classes、grade:高三、group:代号，+ 加 - 减")] = "all",
    priority: Annotated[str, typer.Option(help="routine 或 urgent")] = "routine",
    wait: Annotated[bool, typer.Option("--wait", help="在这里发完再结束")] = False,
    as_json: Json = False,
) -> None:
    """马上发给一批群。Make a broadcast that leaves at once."""
    from warden_bot.handlers.broadcast import Order
    from warden_bot.states import Priority

    if (message is None) == (text is None):
        raise typer.BadParameter("--message 和 --text 要写一个，也只写一个")
    if priority not in ("routine", "urgent"):
        raise typer.BadParameter("要写 routine 或 urgent", param_hint="--priority")
    rank = Priority.ALERT if priority == "urgent" else Priority.BROADCAST
    words = text if text is not None else _campaign_words(message or "")
    result = run(_send(Order(words, title, audience, rank, actor()), wait=wait, quiet=as_json))
    if as_json:
        show_json({key: result[key] for key in ("id", "status", "counts", "problems")})
    else:
        _say_result(result)
    if wait and sum(result["counts"][one] for one in ("sent", "relay_pending", "relayed")) != sum(
        result["counts"].values()
    ):
        raise typer.Exit(1)


def _campaign_words(campaign: str) -> str:
    from warden_bot.content.loading import load_library
    from warden_bot.domain.calendar import day_words
    from warden_bot.environment import settings_from_here, utc_now
    from warden_bot.errors import FaultsFound

    settings = settings_from_here()
    loaded = load_library(settings.content_dir, utc_now().astimezone(settings.zone).date())
    if loaded.faults:
        raise FaultsFound(loaded.faults)
    found = loaded.library.campaigns.get(campaign)
    if found is None:
        raise refuse(f"没有推送 {campaign}")
    return found.wordings[0].render(loaded.library.values(day_words(utc_now(), settings.zone)))


async def deliver_here(order: Any, seconds: float) -> dict[str, Any]:  # noqa: ANN401 -- Order, imported where it is made
    """Make a broadcast, work until it is done, and return how far it got; call back what has not left by then."""
    import asyncio
    from contextlib import suppress

    from warden_bot.environment import settings_from_here
    from warden_bot.errors import IllegalMove
    from warden_bot.handlers.broadcast import cancel as cancel_here
    from warden_bot.handlers.broadcast import send_by_hand
    from warden_bot.kit import open_kit

    async with open_kit(settings_from_here()) as kit:
        now = kit.clock()
        broadcast = await kit.database.write(lambda session: send_by_hand(session, order, kit.channels, now))
        number = broadcast.id or 0
        try:
            async with asyncio.timeout(seconds):
                await _work_until_done(kit, number, quiet=True)
        except TimeoutError:
            late = kit.clock()
            with suppress(IllegalMove):  # it got through in the last moment
                await kit.database.write(lambda session: cancel_here(session, number, order.actor, late))
        async with kit.database.read() as session:
            return await _shown(session, number)


async def _send(order: Any, *, wait: bool, quiet: bool) -> dict[str, Any]:  # noqa: ANN401 -- Order, imported where it is made
    from warden_bot.environment import settings_from_here
    from warden_bot.handlers.broadcast import cautions, send_by_hand
    from warden_bot.kit import open_kit

    settings = settings_from_here()
    if settings.two_person:
        raise refuse("WARDEN_TWO_PERSON=1：这里不能直接发，请在值班台发起并由另一人批准")
    async with open_kit(settings) as kit:
        now = kit.clock()
        async with kit.database.read() as session:
            for caution in await cautions(session, order, kit.channels, kit.sealer, settings.zone, now):
                warn(f"注意：{caution}")
        broadcast = await kit.database.write(lambda session: send_by_hand(session, order, kit.channels, now))
        if wait:
            await _work_until_done(kit, broadcast.id or 0, quiet=quiet)
        async with kit.database.read() as session:
            return await _shown(session, broadcast.id or 0)


async def _shown(session: "Session", broadcast: int) -> dict[str, Any]:
    """Return how far a broadcast has got and, as `problems`, which groups it did not reach and why."""
    from warden_bot.handlers.broadcast import progress_of
    from warden_bot.store.outbox import undelivered
    from warden_bot.store.posts import waiting_groups

    shown = (await progress_of(session, broadcast)).as_json()
    waiting = await waiting_groups(session, broadcast)
    return shown | {"problems": await undelivered(session, broadcast), "relay_waiting": waiting}


async def _work_until_done(kit: Any, broadcast_id: int, *, quiet: bool) -> None:  # noqa: ANN401 -- Kit, imported late
    """Run a worker here until nothing of the broadcast is queued or sending, with a bar on stderr."""
    import asyncio

    from rich.console import Console
    from rich.progress import Progress

    from warden_bot.app import STOP_SECONDS, build_worker
    from warden_bot.handlers.broadcast import progress_of
    from warden_bot.handlers.delivery import SWEEP_GAP, sweep_outbox
    from warden_bot.store.outages import outages_now

    kit.phrases.prepare()
    worker = build_worker(kit)
    working = asyncio.create_task(worker.run())
    try:
        with Progress(console=Console(stderr=True), disable=quiet, transient=True) as bar:
            task = bar.add_task("正在发送", total=None)
            looked_at, warned = kit.clock(), False
            while True:
                began_at = kit.clock()
                async with kit.database.read() as session:
                    far = await progress_of(session, broadcast_id)
                    down = await outages_now(session)
                total = sum(far.counts.values())
                bar.update(task, total=total, completed=total - far.unfinished)
                if not far.unfinished:
                    return
                if down and not warned:
                    warned = True
                    warn(
                        f"平台没有回应：{'、'.join(down)}。会一直等着再试；按 Ctrl+C 可以先走，剩下的由运行中的 serve 发"
                    )
                if working.done():
                    working.result()
                if began_at - looked_at < SWEEP_GAP:  # else this process was stopped: its own claims come first
                    await sweep_outbox(kit.database, kit.clock())
                looked_at = kit.clock()
                await asyncio.sleep(max(LOOK_SECONDS, (looked_at - began_at).total_seconds() * LOOK_SHARE))
    finally:
        worker.stop()
        await asyncio.wait([working], timeout=STOP_SECONDS)


@app.command("show")
def show(broadcast: Number, as_json: Json = False) -> None:
    """看一次广播发到哪了。Show how far a broadcast has got."""
    from warden_bot.environment import settings_from_here
    from warden_bot.kit import open_kit

    async def work() -> dict[str, Any]:
        async with open_kit(settings_from_here()) as kit, kit.database.read() as session:
            return await _shown(session, broadcast)

    result = run(work())
    if as_json:
        show_json(result)
    else:
        _say_result(result)


@app.command("cancel")
def cancel(broadcast: Number, as_json: Json = False) -> None:
    """撤回还没发出去的。Call back what has not left yet."""
    from warden_bot.environment import settings_from_here
    from warden_bot.handlers.broadcast import cancel as cancel_here
    from warden_bot.kit import open_kit

    async def work() -> dict[str, Any]:
        async with open_kit(settings_from_here()) as kit:
            now, who = kit.clock(), actor()
            await kit.database.write(lambda session: cancel_here(session, broadcast, who, now))
            async with kit.database.read() as session:
                return await _shown(session, broadcast)

    result = run(work())
    if as_json:
        show_json(result)
    else:
        _say_result(result)


@app.command("recall")
def recall(broadcast: Number, as_json: Json = False) -> None:
    """收回已经发到群里的（平台允许的才行），没发出去的一并撤回。Take back what has arrived, where the platform allows it."""
    from contextlib import suppress

    from warden_bot.environment import settings_from_here
    from warden_bot.errors import IllegalMove
    from warden_bot.handlers.broadcast import cancel as cancel_here
    from warden_bot.handlers.broadcast import progress_of
    from warden_bot.handlers.recalling import Recalled, recall_broadcast
    from warden_bot.kit import open_kit

    async def work() -> list[Recalled]:
        async with open_kit(settings_from_here()) as kit:
            now, who = kit.clock(), actor()
            async with kit.database.read() as session:
                await progress_of(session, broadcast)
            with suppress(IllegalMove):  # nothing waits any more
                await kit.database.write(lambda session: cancel_here(session, broadcast, who, now))
            return await recall_broadcast(kit.database, kit.channels, kit.sealer, broadcast, who, now)

    results = run(work())
    stayed = [one for one in results if one.trouble]
    if as_json:
        gone = [one.group for one in results if not one.trouble]
        show_json({"id": broadcast, "recalled": gone, "stayed": [one.as_json() for one in stayed]})
    else:
        say(f"收回了 {len(results) - len(stayed)} 个群的，{len(stayed)} 个群的收不回")
        for one in stayed:
            say(f"  {one.group}：{one.as_json()['reason']}")
    if stayed:
        raise typer.Exit(1)


def _say_result(result: dict[str, Any]) -> None:
    states = {"pending": "还没开始", "started": "正在发", "completed": "已发完", "cancelled": "已撤回"}
    say(f"广播 {result['id']}（{states[result['status']]}）：{_counts_in_words(result['counts'])}")
    for one in result["problems"]:
        say(
            f"  {one['group']}：{WORDS[one['status']]}。{one['reason']}（{one['code']} {one['platform_words']}".rstrip()
            + "）"
        )
    if result["relay_waiting"]:
        say(f"  还没转发：{'、'.join(result['relay_waiting'])}")


def _counts_in_words(counts: dict[str, int]) -> str:
    return "，".join(f"{WORDS[status]} {count}" for status, count in counts.items() if count) or "没有群"
