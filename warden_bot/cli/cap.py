"""`alerts cap` and `alerts read-cap`: alerts as CAP 1.2, and messages of a trusted feed from a file."""

from pathlib import Path
from typing import Annotated, Any

import typer

from warden_bot.cli.alerts import As, Number, bench_of
from warden_bot.cli.console import Json, refuse, run, say, show_json


def export(
    number: Number,
    part: Annotated[int | None, typer.Option(min=1, help="第几条；不写是最新的一条")] = None,
) -> None:
    """把警报写成 CAP 1.2 的 XML。Print an alert as CAP 1.2."""
    from urllib.parse import urlsplit

    from warden_bot.domain.cap import write_cap
    from warden_bot.environment import settings_from_here
    from warden_bot.handlers.alert_export import messages_of
    from warden_bot.handlers.alert_judging import named_alert
    from warden_bot.kit import open_kit

    settings = settings_from_here()

    async def read() -> list[bytes]:
        async with open_kit(settings) as kit, kit.database.read() as session:
            bench = bench_of(kit, settings)
            alert = await named_alert(session, number)
            sender = urlsplit(settings.base_url).hostname or "localhost"
            return [write_cap(message) for message in await messages_of(session, bench, alert, sender)]

    written = run(read())
    if part is not None and part > len(written):
        raise refuse(f"警报 {number} 只有 {len(written)} 条")
    say(written[(part or len(written)) - 1].decode().rstrip("\n"))


def take(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CAP 1.2 的 XML 文件")],
    officer: As,
    as_json: Json = False,
) -> None:
    """读一条 CAP 预警，做成草稿。Take a message of a trusted feed."""
    from warden_bot.domain.cap import LARGEST, CapRefused, read_cap
    from warden_bot.environment import settings_from_here
    from warden_bot.handlers.case import named_officer
    from warden_bot.handlers.feed import Outcome, may_take, take_message
    from warden_bot.kit import open_kit
    from warden_bot.store.database import Session

    try:
        with file.open("rb") as document:
            message = read_cap(document.read(LARGEST + 1))
    except OSError:
        raise refuse(f"打不开 {file}") from None
    except CapRefused as refused:
        raise refuse(f"{file.name}：{refused}") from None
    settings = settings_from_here()

    async def work() -> Outcome:
        async with open_kit(settings) as kit:
            bench = bench_of(kit, settings)

            async def write(session: Session) -> Outcome:
                may_take(await named_officer(session, officer))
                return await take_message(session, bench, message)

            return await kit.database.write(write)

    outcome = run(work())
    result: dict[str, Any] = {"alerts": list(outcome.alerts), "outcome": outcome.words}
    if as_json:
        show_json(result)
    else:
        say(outcome.words)
