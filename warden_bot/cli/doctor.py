"""`doctor`: is everything right, and what to do where it is not."""

from typing import TYPE_CHECKING

import typer

from warden_bot.cli.console import Json, run, say, show_json

if TYPE_CHECKING:
    from warden_bot.handlers.checkup import Finding
    from warden_bot.settings import Settings

SIGNS = {"ok": "✓", "warning": "!", "fault": "✗"}


def doctor(as_json: Json = False) -> None:
    """检查设置、数据库、内容、时钟、密钥和每个渠道，说该怎么办。Check everything; say what to do about each finding."""
    from warden_bot.errors import SettingsError

    try:
        found = run(_look())
    except SettingsError as error:
        from warden_bot.handlers.checkup import fault

        found = [fault("settings", line, "改环境变量或 .env") for line in error.faults]
    if as_json:
        show_json([one.as_json() for one in found])
    else:
        for one in found:
            say(f"{SIGNS[one.state]} {one.check}：{one.words}" + (f"。{one.remedy}" if one.remedy else ""))
    if any(one.state == "fault" for one in found):
        raise typer.Exit(1)


async def _look() -> "list[Finding]":
    from warden_bot.channels.registry import unknown_settings
    from warden_bot.content.drawing import find_font
    from warden_bot.content.loading import load_library
    from warden_bot.environment import settings_from_here, utc_now
    from warden_bot.handlers.checkup import check_alarms, check_content, check_pictures, ok, warning

    settings = settings_from_here()
    unknown = unknown_settings(settings.channels)
    found = [warning("settings", f"没有叫 {name} 的设置，不起作用", "核对名字") for name in unknown]
    found = found or [ok("settings", "设置读得懂")]
    loaded = load_library(settings.content_dir, utc_now().astimezone(settings.zone).date())
    found += check_content(loaded) + check_alarms(loaded.library.alarm_sources, settings.alarm_secrets)
    found += check_pictures(find_font())
    return found + await look_at_database(settings)


async def look_at_database(settings: "Settings") -> "list[Finding]":
    """Check everything that needs the database; say so where it cannot even be opened."""
    from warden_bot.domain.trouble import in_words
    from warden_bot.errors import DatabaseBehind, Refused, SealBroken
    from warden_bot.handlers.checkup import (
        check_address,
        check_channel,
        check_database,
        check_spool,
        fault,
        kinds_in_use,
        needs_the_outside,
    )
    from warden_bot.kit import open_kit
    from warden_bot.store.spool import Spool

    try:
        async with open_kit(settings) as kit:
            found = await check_database(kit.database, kit.sealer, kit.channels, kit.clock())
            found += check_spool(Spool(settings.spool_dir, kit.sealer), settings.spool_dir)
            configured = {kind for kind, values in settings.channels.items() if set(values) - {"api_base"}}
            in_use = await kinds_in_use(kit.database) | configured
            found += [await check_channel(kit.channels[kind], kit.database, kit.clock()) for kind in sorted(in_use)]
            needed_by = [kind.value for kind in sorted(in_use) if needs_the_outside(kit.channels[kind])]
            return found + check_address(settings.base_url, needed_by=needed_by)
    except DatabaseBehind as behind:
        return [fault("database", str(behind), "运行 db upgrade")]
    except SealBroken as broken:
        return [fault("keys", str(broken), in_words("seal_broken").remedy)]
    except Refused as refused:
        return [fault("clock", str(refused), "先对时")]
    except Exception as error:  # whatever the driver raises
        if not type(error).__module__.startswith("sqlalchemy"):
            raise
        words = f"数据库连不上：{type(error).__name__}"
        return [fault("database", words, "看数据库有没有启动、WARDEN_DATABASE_URL 对不对")]
