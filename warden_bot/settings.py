"""The environment and `.env`, read once at the roof into one frozen object.

Fixed settings are fields below, each with a line of help; README.md repeats them and a test compares the two.
A channel's own settings (`WARDEN_<KIND>_*`) are handed to it as they are: the channel's file says which it knows.
"""

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError, field_validator

from warden_bot.errors import SettingsError
from warden_bot.states import ChannelKind

PREFIX = "WARDEN_"
ONE_SECRET = re.compile(r"([a-z0-9][a-z0-9_-]{0,39})=([^=].*)")  # a source and its own; padding alone is no secret
SHORTEST_SECRET = 8  # characters of a secret that belongs to one source
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
SHIPPED_CONTENT = Path(__file__).resolve().parent.parent / "content"


def _split_list(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _split_secrets(value: SecretStr) -> list[str]:
    return [part.strip() for part in value.get_secret_value().split(",") if part.strip()]


class Settings(BaseModel):
    """What the operator decides. Field `database_url` is read from `WARDEN_DATABASE_URL`, and so on."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True, hide_input_in_errors=True)

    database_url: str = Field(
        "sqlite:///var/warden.db", repr=False, description="sqlite:///PATH or postgresql://USER@HOST/NAME"
    )
    host: str = Field("127.0.0.1", min_length=1, description="the address to listen on")
    port: int = Field(8080, ge=1, le=65535, description="the port to listen on")
    public_url: str = Field("", description="where the outside reaches this server, for links; empty: http://HOST:PORT")
    secret_keys: Annotated[list[SecretStr], BeforeValidator(_split_list)] = Field(
        default_factory=list,
        description="comma list of 64 hex characters each, newest first: the first seals, all open; "
        "empty with SQLite: a key file beside the database",
    )
    timezone: str = Field("Asia/Shanghai", description="the school's time zone")
    content_dir: Path = Field(SHIPPED_CONTENT, description="the folder of answers, pushes and calendar")
    school_id: int = Field(1, ge=1, description="which school's rows this process works on")
    ack_within: float | None = Field(
        None,
        gt=0,
        le=86_400,
        description="seconds an officer has to take a case before the next one is called; empty: as content/duty.yml says",
    )
    two_person: bool = Field(default=False, description="1: broadcasts by hand from the command line are refused")
    spool_dir: Path = Field(
        Path("var/spool"), description="where emergencies are kept, sealed, while the database is away"
    )
    metrics_port: int = Field(
        0, ge=0, le=65535, description="where a worker or scheduler process shows /healthz and /metrics; 0: nowhere"
    )
    alarms_secret: SecretStr = Field(
        SecretStr(""),
        description="signs the alarms that systems of the campus send: one secret for all, or source=secret,source=secret; "
        "empty: none is taken",
    )
    trusted_proxies: Annotated[list[Network], BeforeValidator(_split_list)] = Field(
        default_factory=lambda: [ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128")],
        description="comma list of addresses or networks of the proxies whose X-Forwarded-For is believed; "
        "empty: only this machine",
    )
    cap_feeds: Annotated[list[SecretStr], BeforeValidator(_split_list)] = Field(
        default_factory=list,
        description="comma list of the addresses of trusted warning feeds (CAP 1.2; https, or http on this machine); "
        "their warnings become drafts",
    )
    heartbeat_url: str = Field(
        "",
        repr=False,
        description="called while all is well, so that silence raises an alarm elsewhere; empty: not called",
    )
    heartbeat_seconds: float = Field(60, ge=1, le=86_400, description="how often that address is called")
    log_level: str = Field("INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="DEBUG, INFO, WARNING or ERROR")
    channels: dict[ChannelKind, dict[str, str]] = Field(
        default_factory=dict, repr=False, description="the channels' own settings, see the channel table"
    )

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, value: str) -> str:
        message = "must be sqlite:///PATH or postgresql://USER@HOST/NAME"
        if re.match(r"sqlite:///[^:]", value):
            return value
        try:  # what is wrong with a URL is never quoted: it may hold a password
            usable = urlsplit(value).scheme in ("postgres", "postgresql") and (urlsplit(value).port or 1) > 0
        except ValueError:
            usable = False
        if not usable:
            raise ValueError(message)
        return value

    @field_validator("secret_keys")
    @classmethod
    def _hex_keys(cls, value: list[SecretStr]) -> list[SecretStr]:
        for position, key in enumerate(value, start=1):
            if not re.fullmatch(r"[0-9a-fA-F]{64}", key.get_secret_value()):
                message = f"key {position} must be 64 hex characters (make one: openssl rand -hex 32)"
                raise ValueError(message)
        return value

    @field_validator("cap_feeds")
    @classmethod
    def _safe_feeds(cls, value: list[SecretStr]) -> list[SecretStr]:
        for position, feed in enumerate(value, start=1):
            address = urlsplit(feed.get_secret_value())
            here = address.hostname in ("127.0.0.1", "localhost", "::1")
            if not address.hostname or not (address.scheme == "https" or (address.scheme == "http" and here)):
                message = f"address {position} must begin with https://"
                raise ValueError(message)
        return value

    @field_validator("alarms_secret")
    @classmethod
    def _secrets_of_sources(cls, value: SecretStr) -> SecretStr:
        parts = _split_secrets(value)
        named = [found for part in parts if (found := ONE_SECRET.fullmatch(part))]
        if named and (
            len({found[1] for found in named}) != len(parts) or any(len(found[2]) < SHORTEST_SECRET for found in named)
        ):
            message = (
                f"must be one secret, or source=secret,source=secret, each of {SHORTEST_SECRET} characters or more"
            )
            raise ValueError(message)
        return value

    @field_validator("public_url", "heartbeat_url")
    @classmethod
    def _web_address(cls, value: str) -> str:
        if value and not re.match(r"https?://[^/\s]", value):
            message = "must begin with http:// or https://"
            raise ValueError(message)
        return value

    @field_validator("channels")
    @classmethod
    def _usable_channels(cls, value: dict[ChannelKind, dict[str, str]]) -> dict[ChannelKind, dict[str, str]]:
        faults = []
        for kind, settings in value.items():
            base, rate = settings.get("api_base", ""), settings.get("per_second", "")
            if base and not re.match(r"https?://[^/\s]", base):
                faults.append(f"{PREFIX}{kind.upper()}_API_BASE must begin with http:// or https://")
            if rate and not (re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,3})?", rate) and float(rate) > 0):
                faults.append(f"{PREFIX}{kind.upper()}_PER_SECOND must be a number above 0")
        if faults:
            raise ValueError("; ".join(faults))
        return value

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            message = "is not a known time zone; Asia/Shanghai is the usual one"
            raise ValueError(message) from None
        return value

    @property
    def zone(self) -> ZoneInfo:
        """The school's time zone, for the edges; inside everything is UTC."""
        return ZoneInfo(self.timezone)

    @property
    def alarm_secrets(self) -> dict[str, str]:
        """The secrets of alarm sources by name; one that holds for every source stands under no name."""
        written = self.alarms_secret.get_secret_value()
        named = [found for part in _split_secrets(self.alarms_secret) if (found := ONE_SECRET.fullmatch(part))]
        if named:
            return {found[1]: found[2] for found in named}
        return {"": written} if written else {}

    @property
    def base_url(self) -> str:
        """Where people outside reach this server, without a slash at the end."""
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")


@dataclass(frozen=True)
class Reading:
    """What reading the environment gave: the settings, and names that nobody knows (most likely misspelt)."""

    settings: Settings
    unknown: list[str] = field(default_factory=list)


def read_settings(environment: Mapping[str, str], dotenv: Mapping[str, str | None]) -> Reading:
    """Read `WARDEN_*` from the environment, over `.env`. Raise SettingsError naming each fault, never a value."""
    values = {name: value for name, value in dotenv.items() if value is not None} | dict(environment)
    ours = {name.removeprefix(PREFIX).lower(): value for name, value in values.items() if name.startswith(PREFIX)}
    chosen: dict[str, Any] = {"channels": {kind: {} for kind in ChannelKind}}
    unknown: list[str] = []
    for name, value in sorted(ours.items()):
        kind = next((kind for kind in ChannelKind if name.startswith(f"{kind}_")), None)
        if kind is not None:
            chosen["channels"][kind][name.removeprefix(f"{kind}_")] = value
        elif name in Settings.model_fields and name != "channels":
            if value.strip():
                chosen[name] = value.strip()
        else:
            unknown.append(PREFIX + name.upper())
    try:
        return Reading(Settings.model_validate(chosen), unknown)
    except ValidationError as error:
        raise SettingsError([_one_line(fault["loc"], fault["msg"]) for fault in error.errors()]) from None


def _one_line(place: tuple[int | str, ...], reason: str) -> str:
    words = reason.removeprefix("Value error, ")
    return words if place[0] == "channels" else f"{PREFIX}{str(place[0]).upper()} {words}"
