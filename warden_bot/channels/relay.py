"""Relay: the way into ordinary WeChat groups. The finished text goes to the class teacher, who posts it by hand.

No official route writes into 368 parents' groups by itself. So the teacher gets a page with the text, one tap to copy
it and one to say that it is posted. An address says how the teacher hears of it: a private address on another channel
(`wecom_app:zhanglaoshi`, or a URL that takes our signed webhook), or any plain word, `link` for one: then the teacher
opens the class's own page, and needs no account of any kind.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import ClassVar

from warden_bot.channels.base import Capabilities, Channel, ChannelSetting, SendReceipt, Surroundings
from warden_bot.channels.rules import whole_number
from warden_bot.domain.message import OutboundMessage, Recipient
from warden_bot.domain.relay import Patience
from warden_bot.states import ChannelKind

LONGEST_TEXT = 20_000  # bytes; nobody reads more on a phone
PLAIN_WORD = re.compile(r"[^\s:：/]{1,100}")  # a colon of either width was meant to stand behind a channel
HOW_TO = "地址写 link（老师用自己的网页），或者 渠道:私聊地址，如 wecom_app:zhanglaoshi"


class Relay(Channel):
    """Hands a finished text to the teacher of a group."""

    kind: ClassVar[ChannelKind] = ChannelKind.RELAY
    capabilities: ClassVar[Capabilities] = Capabilities(
        longest_part=LONGEST_TEXT,
        most_parts=1,
        takes_key=True,  # a teacher who is told twice finds one page, which says whether it is posted
        hands_over=True,
        pictures=True,  # on the page
    )
    settings: ClassVar[tuple[ChannelSetting, ...]] = (
        ChannelSetting("API_BASE", "where teachers' pages stand, if not at PUBLIC_URL"),
        ChannelSetting(
            "REMIND_AFTER",
            "minutes after which a teacher who has not posted is reminded",
            "60",
            rule=whole_number(1, 10_000),
        ),
        ChannelSetting("REMINDERS", "how often at most", "2", rule=whole_number(0, 10)),
        ChannelSetting(
            "HOURS", "hours after which what was handed over is too old to be posted", "48", rule=whole_number(1, 720)
        ),
    )

    def __init__(self, values: Mapping[str, str], around: Surroundings) -> None:
        super().__init__(values, around)
        self._lasts = timedelta(hours=int(self.setting("HOURS")))
        remind_after = timedelta(minutes=int(self.setting("REMIND_AFTER")))
        self.patience = Patience(remind_after, int(self.setting("REMINDERS")), self._lasts)

    def address_fault(self, address: str) -> str | None:
        """Accept a plain word, a URL, or a private address of a channel that reaches people."""
        if PLAIN_WORD.fullmatch(address):
            return None
        teacher = self._teacher(address)
        if teacher is None:
            return f"{HOW_TO}；能用的渠道：{'、'.join(sorted(self._people()))}"
        return teacher[0].address_fault(teacher[1])

    def _people(self) -> dict[str, Channel]:
        """Return the channels that reach people, by their names."""
        found = self._around.others.items()
        return {
            kind.value: channel
            for kind, channel in found
            if channel is not self and channel.capabilities.reaches_people and channel.can_push()
        }

    def _teacher(self, address: str) -> tuple[Channel, str] | None:
        """Return on which channel and where a teacher is told; None for one who opens the class's own page."""
        if address.startswith(("http://", "https://")):
            return self._around.others[ChannelKind.WEBHOOK], address
        kind, _, private = address.partition(":")
        channel = self._people().get(kind)
        return (channel, private) if channel is not None and private else None

    def abilities(self, address: str) -> Capabilities:
        """Return what can be done at an address: the teacher's channel sets the pace."""
        teacher = self._teacher(address)
        pace = teacher[0].abilities(teacher[1]).pace if teacher else ()
        return replace(self.capabilities, pace=pace)

    def platform(self, address: str) -> str:
        """Name what the teacher is told by."""
        teacher = self._teacher(address)
        return teacher[0].platform(teacher[1]) if teacher else self.kind.value

    def can_push(self) -> bool:
        """Say yes: a teacher who cannot be told opens the class's own page."""
        return True

    def parts(self, message: OutboundMessage) -> list[str]:
        """Hand the text over whole; what is sent is where to find it."""
        return [message.plain] if message.plain or message.about else []

    async def send(self, message: OutboundMessage, part: str, number: int) -> SendReceipt:  # noqa: ARG002 -- what is sent is where to find the text
        """Tell the teacher where the text waits. One who has the class's own page finds it there."""
        teacher = self._teacher(message.recipient.address)
        if teacher is None:
            return SendReceipt()
        channel, private = teacher
        key = message.about or message.key
        words = self._around.words(
            "relay_reminder" if message.about else "relay_handover",
            {
                "group": message.recipient.name,
                "link": self._around.page_address(key, self._around.clock() + self._lasts),
            },
        )
        told = Recipient(message.recipient.code, private, message.recipient.secret, person=True)
        notice = OutboundMessage(message.key, told, words, priority=message.priority)
        receipt = SendReceipt()
        for place, piece in enumerate(channel.parts(notice)):
            receipt = await channel.send(notice, piece, place)
        return receipt

    async def probe(self, address: str, secret: str) -> None:
        """Check the teacher's private address; the class's own page always works."""
        teacher = self._teacher(address)
        if teacher is not None:
            await teacher[0].probe(teacher[1], secret)

    def scrubbed(self, words: str) -> str:
        """Cut out the secrets of every channel that a teacher may be told on."""
        for channel in self._people().values():
            words = channel.scrubbed(words)
        return words

    async def check(self) -> str:
        """Say nothing: there is no platform but the teachers' channels, each of which is checked by itself."""
        return ""
