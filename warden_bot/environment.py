"""What the roof takes from the machine: the environment, `.env` and the time."""

import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from dotenv import dotenv_values

from warden_bot.settings import Settings, read_settings

DEMO_DATABASE = "sqlite:///var/demo.db"


def utc_now() -> datetime:
    """Return the time. The one clock of the program; everything below the doors is handed what it says."""
    return datetime.now(UTC)


def settings_from_here(*, demo: bool = False) -> Settings:
    """Read the environment and `.env`. Names that nobody knows are pointed out, wrong values refuse the start."""
    environment = dict(os.environ)
    dotenv = dotenv_values(Path(".env"))
    if demo:  # the station's own database, named in .env, is not a place to play in
        environment.setdefault("WARDEN_DATABASE_URL", DEMO_DATABASE)
    reading = read_settings(environment, dotenv)
    for name in reading.unknown:
        sys.stderr.write(f"没有叫 {name} 的设置，不起作用（unknown setting, ignored）\n")
    settings = reading.settings
    if demo and not settings.public_url:  # whoever plays sits at this machine: the links on the officers' phones open
        return settings.model_copy(update={"public_url": settings.base_url})
    return settings
