"""The table of channel kinds. A new kind adds its row here, its member in `states`, and its own file."""

from collections.abc import Callable, Mapping
from datetime import datetime

from warden_bot.channels.base import Capabilities, Channel, ChannelSetting
from warden_bot.channels.http import Http
from warden_bot.channels.sandbox import RoomBoard, Sandbox
from warden_bot.channels.webhook import Webhook
from warden_bot.channels.wecom_robot import WecomRobot
from warden_bot.states import ChannelKind

CHANNELS: dict[ChannelKind, type[Sandbox | WecomRobot | Webhook]] = {
    ChannelKind.SANDBOX: Sandbox,
    ChannelKind.WECOM_ROBOT: WecomRobot,
    ChannelKind.WEBHOOK: Webhook,
}
Channels = Mapping[ChannelKind, Channel]


def channel_settings() -> dict[ChannelKind, tuple[ChannelSetting, ...]]:
    """Return every kind's settings, for checking the environment and for the README's table."""
    return {kind: channel.settings for kind, channel in CHANNELS.items()}


def capabilities() -> dict[ChannelKind, Capabilities]:
    """Return what every kind can do."""
    return {kind: channel.capabilities for kind, channel in CHANNELS.items()}


class NoRooms:
    """Stands where the sandbox's rooms would be while texts and addresses are only looked at."""

    async def post(self, room: str, words: str, now: datetime) -> None:
        """Refuse: nothing is sent while looking."""
        message = f"{room}: these channels only measure ({len(words)} characters at {now})"
        raise RuntimeError(message)


def channels_for_looking(clock: Callable[[], datetime]) -> Channels:
    """Return channels that measure texts and check addresses; nothing can be sent through them."""
    return build_channels({}, Http(), NoRooms(), clock)


def build_channels(
    values: Mapping[ChannelKind, dict[str, str]], http: Http, rooms: RoomBoard, clock: Callable[[], datetime]
) -> Channels:
    """Build every kind with its own settings (`values`: lower-case names without the WARDEN_<KIND>_ prefix)."""
    return {
        ChannelKind.SANDBOX: Sandbox(rooms, clock),
        ChannelKind.WECOM_ROBOT: WecomRobot(http, values.get(ChannelKind.WECOM_ROBOT, {})),
        ChannelKind.WEBHOOK: Webhook(http, values.get(ChannelKind.WEBHOOK, {}), clock),
    }
