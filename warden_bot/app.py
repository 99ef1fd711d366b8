"""The roof: read settings, build the pieces, wire them, start in order, stop in reverse."""

import asyncio
import errno
import logging
import os
import random
import secrets
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from enum import StrEnum

from aiohttp import web

from warden_bot.channels.base import Reply
from warden_bot.channels.registry import Channels, unknown_settings
from warden_bot.content.shelf import Shelf
from warden_bot.domain.calendar import day_words
from warden_bot.domain.message import InboundMessage
from warden_bot.environment import utc_now
from warden_bot.errors import Refused
from warden_bot.handlers.delivery import channel_caps
from warden_bot.handlers.demo import load_demo
from warden_bot.handlers.dispatch import Desk
from warden_bot.handlers.feed_reading import FeedReader
from warden_bot.handlers.fitting import campaigns_over_limit
from warden_bot.handlers.intake import receive
from warden_bot.handlers.placing import place_unplaced
from warden_bot.handlers.settling import Post
from warden_bot.kit import Kit, build_sealer, links_of, open_kit
from warden_bot.scheduler import AT_THE_DOOR, EVERYWHERE, SCHEDULED, Ticker
from warden_bot.settings import Settings
from warden_bot.states import ChannelKind
from warden_bot.store.database import REVISION, Database
from warden_bot.store.doors import Doors
from warden_bot.store.spool import Spool
from warden_bot.ticks.clockwork import Clockwork
from warden_bot.ticks.keeping import tick_heartbeat
from warden_bot.web.keys import House
from warden_bot.web.routes import build_health_site, build_site
from warden_bot.worker import Worker

STOP_SECONDS = 20  # how long what is in hand may take to finish

log = logging.getLogger("warden_bot")


class Role(StrEnum):
    """Which part of the program a process is."""

    ALL = "all"
    WEB = "web"
    WORKER = "worker"
    SCHEDULER = "scheduler"


def warn_of_unknown_settings(settings: Settings) -> None:
    """Point out channel settings that no channel knows, most likely misspelt."""
    for name in unknown_settings(settings.channels):
        log.warning("%s is not a setting and is ignored", name)


def build_worker(kit: Kit) -> Worker:
    """Return a worker with a name of its own."""
    name = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"
    caps = channel_caps(_per_second(kit.settings))
    chance = random.Random()  # noqa: S311 -- only spreads retries
    way_in = _way_in(kit) if kit.settings.public_url else None
    post = Post(
        kit.database,
        kit.channels,
        kit.sealer,
        kit.clock,
        name,
        caps,
        chance,
        kit.phrases.desks,
        way_in,
        zone=kit.settings.zone,
    )
    return Worker(post, kit.metrics)


def _way_in(kit: Kit) -> Callable[[int, str, datetime], str]:
    doors = Doors(kit.settings.public_url, kit.sealer)

    def line(officer_id: int, code: str, now: datetime) -> str:
        return (
            kit.phrases("case_link", {"link": doors.case(officer_id, code, now)})
            if code
            else doors.sign_in(officer_id, now)
        )

    return line


def _per_second(settings: Settings) -> dict[ChannelKind, float]:
    caps: dict[ChannelKind, float] = {}
    for kind, values in settings.channels.items():
        if values.get("per_second"):
            caps[kind] = float(values["per_second"])
    return caps


def open_shelf(settings: Settings, channels: Channels) -> Shelf:
    """Read the content; raise FaultsFound when it is broken."""
    today = utc_now().astimezone(settings.zone).date()
    return Shelf(settings.content_dir, today, lambda library: campaigns_over_limit(library, channels))


async def prepare_demo(settings: Settings) -> None:
    """Make the demo's database and school where they are missing."""
    database = Database(settings.database_url, settings.school_id)
    try:
        revision = await database.revision()
        if revision != REVISION:
            from warden_bot.store.upgrade import upgrade  # noqa: PLC0415 -- Alembic is slow to import and seldom needed

            await upgrade(settings.database_url)
        sealer, now = build_sealer(settings), utc_now()
        await database.write(lambda session: load_demo(session, sealer, settings.zone, now))
    finally:
        await database.close()


async def serve(settings: Settings, role: Role, *, demo: bool = False) -> None:
    """Run until SIGINT or SIGTERM. Raise Refused, DatabaseBehind or FaultsFound when it cannot start."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    if demo:
        await prepare_demo(settings)
    async with AsyncExitStack() as stack:
        kit = await stack.enter_async_context(open_kit(settings))
        warn_of_unknown_settings(settings)
        shelf = kit.phrases.shelf = open_shelf(settings, kit.channels)
        await kit.database.write(lambda session: place_unplaced(session, kit.channels, kit.sealer))
        for warning in shelf.warnings:
            log.info("content: %s", warning)
        if role in (Role.ALL, Role.WORKER):
            stack.push_async_callback(_stop_worker, *_start_worker(kit))
        house = _furnish(kit, shelf, demo=demo)
        _start_ticks(stack, kit, house, role)
        if role in (Role.ALL, Role.WORKER):  # where messages leave: the connection serves both directions
            stack.push_async_callback(_stop_listening, _start_listening(kit, house))
        if role in (Role.ALL, Role.WEB):
            await _start_site(stack, build_site(house), settings.host, settings.port)
            path = "/sandbox" if demo else "/healthz"
            _announce(f"打开 {settings.base_url}{path} ，按 Ctrl+C 停止（open it in a browser; Ctrl+C stops）")
        else:
            if settings.metrics_port:
                await _start_site(stack, build_health_site(house), settings.host, settings.metrics_port)
            _announce(f"{role} 已启动，按 Ctrl+C 停止（running; Ctrl+C stops）")
        await stop.wait()


def _furnish(kit: Kit, shelf: Shelf, *, demo: bool) -> House:
    settings = kit.settings
    ack_within = None if settings.ack_within is None else timedelta(seconds=settings.ack_within)
    desk = Desk(kit.database, kit.channels, kit.sealer, ack_within, public_url=settings.public_url)
    spool = Spool(settings.spool_dir, kit.sealer)
    links = links_of(settings, kit.sealer)
    return House(
        desk,
        spool,
        shelf,
        kit.metrics,
        settings.zone,
        kit.clock,
        demo,
        links,
        alarm_secrets=settings.alarm_secrets,
        trusted_proxies=settings.trusted_proxies,
    )


def _announce(words: str) -> None:
    sys.stdout.write(words + "\n")
    sys.stdout.flush()


def _start_worker(kit: Kit) -> tuple[Worker, "asyncio.Task[None]"]:
    worker = build_worker(kit)
    return worker, asyncio.create_task(worker.run())


async def _stop_worker(worker: Worker, running: "asyncio.Task[None]") -> None:
    worker.stop()
    await asyncio.wait([running], timeout=STOP_SECONDS)


def _start_listening(kit: Kit, house: House) -> "list[asyncio.Task[None]]":
    """Keep the connections on which messages come in, for the kinds that have such a thing."""

    async def hear(message: InboundMessage) -> Reply | None:
        now, library = kit.clock(), house.shelf.library
        today = day_words(now, house.zone)
        return await receive(house.desk, house.spool, message, library, today, now)

    return [asyncio.create_task(channel.listen(hear)) for channel in kit.channels.values() if channel.listens()]


async def _stop_listening(listening: "Sequence[asyncio.Task[None]]") -> None:
    for task in listening:
        task.cancel()
    await asyncio.gather(*listening, return_exceptions=True)


def _start_ticks(stack: AsyncExitStack, kit: Kit, house: House, role: Role) -> None:
    settings = kit.settings
    feeds = FeedReader([feed.get_secret_value() for feed in settings.cap_feeds])
    work = Clockwork(
        house.desk, house.spool, house.shelf, kit.http, settings.zone, kit.clock, settings.heartbeat_url, feeds=feeds
    )
    ticks = dict(EVERYWHERE)
    if role in (Role.ALL, Role.SCHEDULER):
        ticks |= SCHEDULED | {tick_heartbeat: settings.heartbeat_seconds}
    if role in (Role.ALL, Role.WEB):
        ticks |= AT_THE_DOOR
    stack.push_async_callback(Ticker(work, ticks).stop)


async def _start_site(stack: AsyncExitStack, site: web.Application, host: str, port: int) -> None:
    runner = web.AppRunner(site, access_log=None, shutdown_timeout=2, auto_decompress=False)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    try:
        await web.TCPSite(runner, host, port, backlog=1024).start()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            reason = (
                f"端口 {port} 已被占用，换一个：make run PORT={port + 1}，serve 用 WARDEN_PORT（the port is taken）"
            )
        else:
            reason = f"不能在 {host}:{port} 上监听：{error.strerror}"
        raise Refused(reason) from None
