"""The table of channel kinds. A new kind adds its row here, its member in `states`, and its own file."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

from warden_bot.channels.base import Capabilities, Channel, ChannelSetting, Surroundings
from warden_bot.channels.dingtalk.channel import Dingtalk
from warden_bot.channels.feishu.channel import Feishu
from warden_bot.channels.http import Http
from warden_bot.channels.matrix.channel import Matrix
from warden_bot.channels.onebot.channel import OneBot
from warden_bot.channels.relay import Relay
from warden_bot.channels.sandbox import Sandbox
from warden_bot.channels.webhook import Webhook
from warden_bot.channels.wechat_official.channel import WechatOfficial
from warden_bot.channels.wecom_aibot.channel import WecomAibot
from warden_bot.channels.wecom_app.channel import WecomApp
from warden_bot.channels.wecom_robot import WecomRobot
from warden_bot.channels.wecom_school import WecomSchool
from warden_bot.errors import SettingsError
from warden_bot.states import ChannelKind

CHANNELS: dict[ChannelKind, type[Channel]] = {
    ChannelKind.SANDBOX: Sandbox,
    ChannelKind.WECOM_ROBOT: WecomRobot,
    ChannelKind.WECOM_APP: WecomApp,
    ChannelKind.WECOM_AIBOT: WecomAibot,
    ChannelKind.WECOM_SCHOOL: WecomSchool,
    ChannelKind.WECHAT_OFFICIAL: WechatOfficial,
    ChannelKind.FEISHU: Feishu,
    ChannelKind.DINGTALK: Dingtalk,
    ChannelKind.ONEBOT: OneBot,
    ChannelKind.MATRIX: Matrix,
    ChannelKind.RELAY: Relay,
    ChannelKind.WEBHOOK: Webhook,
}
Channels = Mapping[ChannelKind, Channel]


def channel_settings() -> dict[ChannelKind, tuple[ChannelSetting, ...]]:
    """Return every kind's settings, for checking the environment and for the README's table."""
    return {kind: channel.settings for kind, channel in CHANNELS.items()}


def unknown_settings(values: Mapping[ChannelKind, Mapping[str, str]]) -> list[str]:
    """Return the channel settings that no channel knows, most likely misspelt, as they are written in the environment."""
    known = {kind: {one.name.lower() for one in found} for kind, found in channel_settings().items()}
    return [
        f"WARDEN_{kind}_{name}".upper() for kind, given in values.items() for name in sorted(given.keys() - known[kind])
    ]


def capabilities() -> dict[ChannelKind, Capabilities]:
    """Return what every kind can do."""
    return {kind: channel.capabilities for kind, channel in CHANNELS.items()}


def channels_for_looking(clock: Callable[[], datetime]) -> Channels:
    """Return channels that measure texts and check addresses; nothing can be sent through them."""
    return build_channels({}, Surroundings(Http(), clock))


def build_channels(values: Mapping[ChannelKind, Mapping[str, str]], around: Surroundings) -> Channels:
    """Build every kind with its own settings (`values`: lower-case names without the WARDEN_<KIND>_ prefix).

    Raise SettingsError naming each setting that a channel cannot use.
    """
    built: dict[ChannelKind, Channel] = {}
    around = replace(around, others=built)
    faults: list[str] = []
    for kind, channel in CHANNELS.items():
        try:
            built[kind] = channel(values.get(kind, {}), around)
        except SettingsError as error:
            faults += error.faults
    if faults:
        raise SettingsError(faults)
    return built
