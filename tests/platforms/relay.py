"""The stage of relay: a teacher who is told on our own webhook, as the nearest channel that reaches people."""

from datetime import datetime
from typing import ClassVar

from tests.platforms.webhook import WebhookStage
from warden_bot.channels.base import Channel, Surroundings
from warden_bot.channels.relay import Relay
from warden_bot.channels.webhook import Webhook
from warden_bot.states import ChannelKind

TITLE_AND_TEXT = "防骗提醒 96110来电请接，警察不会在电话里叫您转账。"


class RelayStage(WebhookStage):
    kind = ChannelKind.RELAY
    channel_class = Relay
    address = "webhook:/hook"
    lacks: ClassVar = {"too_long": "the text waits on a page, and only its address is sent"}

    def values(self) -> dict[str, str]:
        return {}

    def build(self, around: Surroundings) -> Channel:
        webhook = Webhook(super().values(), around)
        others = {ChannelKind.WEBHOOK: webhook}
        return Relay({}, Surroundings(around.http, around.clock, words=say, page_address=page, others=others))


def say(_name: str, values: object) -> str:
    return f"{TITLE_AND_TEXT} {values}"


def page(key: str, _until: datetime) -> str:
    return f"https://warden.example/relay/{key}"


STAGE = RelayStage
