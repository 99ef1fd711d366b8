"""What all commands share: JSON to stdout, everything else to stderr, refusals as one line and exit code 1."""

import asyncio
import getpass
import json
import logging
import sys
from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from warden_bot.errors import FaultsFound, SettingsError, WardenError

if TYPE_CHECKING:
    from datetime import tzinfo

    from warden_bot.kit import Kit
    from warden_bot.settings import Settings
    from warden_bot.store.database import Session
    from warden_bot.store.officers import Officer

Result = TypeVar("Result")
Json = Annotated[bool, typer.Option("--json", help="只打印一个 JSON 文档 Print one JSON document instead of words")]


def show_json(document: object) -> None:
    """Print one JSON document, Chinese as it is."""
    sys.stdout.write(json.dumps(document, ensure_ascii=False) + "\n")


def say(words: str) -> None:
    """Print words to stdout."""
    sys.stdout.write(words + "\n")


def local_time(instant: str, zone: "tzinfo") -> str:
    """Return a moment of a JSON document as people at the school read it."""
    from datetime import datetime

    return datetime.fromisoformat(instant).astimezone(zone).strftime("%m-%d %H:%M")


def warn(words: str) -> None:
    """Print words to stderr."""
    sys.stderr.write(words + "\n")


def run(work: Coroutine[Any, Any, Result]) -> Result:
    """Run a command's work; what refuses it becomes one line (or one a fault) and exit code 1."""
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            return runner.run(work)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def run_as(officer: str, settings: "Settings", do: "Callable[[Session, Kit, Officer], Awaitable[Result]]") -> Result:
    """Run what a command does in the name of an officer, in one transaction; return what came of it."""
    from warden_bot.handlers.case import named_officer
    from warden_bot.kit import open_kit

    async def work() -> Result:
        async with open_kit(settings) as kit:

            async def write(session: "Session") -> Result:
                return await do(session, kit, await named_officer(session, officer))

            return await kit.database.write(write)

    return run(work())


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return what makes the faster event loop, None where there is none for this system."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


def refuse(words: str) -> typer.Exit:
    """Print why a command did nothing; raise what this returns."""
    warn(words)
    return typer.Exit(1)


def explain(error: Exception) -> int | None:
    """Print a refusal in the user's words and return the exit code; None for what is a mistake of ours."""
    if isinstance(error, SettingsError):
        for setting in error.faults:
            warn(f"设置不对（wrong setting）：{setting}")
        return 1
    if isinstance(error, FaultsFound):
        for fault in error.faults:
            warn(str(fault))
        return 1
    if isinstance(error, UnicodeEncodeError):
        warn("文字里有读不了的字符，请用 UTF-8")
        return 1
    if isinstance(error, WardenError):
        warn(str(error))
        return 1
    if isinstance(error, OSError) and not isinstance(error, ConnectionError):
        warn(f"{error.filename or '系统'}：{error.strerror or type(error).__name__}")
        return 1
    return _database_trouble(error)


def _database_trouble(error: Exception) -> int | None:
    if type(error).__module__.startswith("sqlalchemy"):
        original = getattr(error, "orig", None)
        reason = str(original).strip().splitlines()[0] if original is not None else type(error).__name__
        warn(f"数据库用不了（database trouble）：{reason}")
        return 1
    return None


def actor() -> str:
    """Return who runs the command, for the audit log."""
    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):
        return "cli:unknown"


def log_to_stderr(level: str) -> None:
    """Send logs to stderr. Libraries that would log addresses, or what stands in a picture, are kept quiet."""
    logging.basicConfig(level=level, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for name in ("PIL", "apscheduler", "aiohttp", "aiosqlite", "sqlalchemy"):
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLogger().level))
