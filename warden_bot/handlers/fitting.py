"""Does a text fit through a channel? Asked before anything is queued, and of every campaign when content is checked."""

from warden_bot.channels.registry import Channels
from warden_bot.content.library import Library
from warden_bot.domain.message import OutboundMessage, Recipient
from warden_bot.errors import Fault
from warden_bot.states import ChannelKind


def over_limit(channels: Channels, kind: ChannelKind, text: str, title: str = "", most_parts: int | None = None) -> str:
    """Say why a text cannot go out on a channel, "" when it can."""
    channel = channels[kind]
    allowed = most_parts or channel.capabilities.most_parts
    parts = channel.parts(OutboundMessage("", Recipient("", ""), text, title))
    if len(parts) <= allowed:
        return ""
    most = channel.capabilities.longest_part * allowed
    return f"内容 {len(text.encode())} 字节，{kind} 最多 {most} 字节，请写短一些"


def campaigns_over_limit(library: Library, channels: Channels) -> list[Fault]:
    """Return a fault for every campaign wording that some channel could only send in pieces."""
    return [
        Fault(wording.file, wording.line, fault)
        for campaign in library.campaigns.values()
        for wording in campaign.wordings
        for kind in channels
        if (fault := over_limit(channels, kind, wording.render(library.values()), most_parts=1))
    ]
