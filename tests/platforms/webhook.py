"""The stage of our own signed webhook: somebody else's server that drops a repeated delivery_id, as README.md asks."""

import json
from datetime import datetime, timedelta
from typing import Any, ClassVar

from aiohttp import web

from tests.channel_cases import as_bytes
from tests.conformance import BETWEEN, VALID_TEXT, Call, Fault, Faults, Stage
from tests.receiver import signature
from warden_bot.channels.base import CallbackRequest, Channel
from warden_bot.channels.webhook import Webhook
from warden_bot.states import ChannelKind

SECRET = "a secret of the tests"
# Made anew for each answer: a response that went out once cannot go out again.
FAULTS: Faults = {
    **BETWEEN,
    Fault.THROTTLED: lambda: web.Response(status=429, headers={"Retry-After": "7"}),
    Fault.BAD_CREDENTIALS: lambda: web.Response(status=401),
    Fault.GONE: lambda: web.Response(status=410),
}


class WebhookStage(Stage):
    kind = ChannelKind.WEBHOOK
    channel_class: ClassVar[type[Channel]] = Webhook
    address = "/hook"
    address_is_url = True
    lacks: ClassVar = {
        "too_long": "a text of a megabyte goes whole, and no receiver of ours has a limit",
        Call.HANDSHAKE: "our own kind needs none",
        Call.OWN_MESSAGE: "whoever signs the request says who wrote it",
    }

    def __init__(self) -> None:
        self._got: dict[str, dict[str, Any]] = {}
        self._answers: list[web.Response] = []

    async def start(self) -> None:
        site = web.Application()
        site.router.add_post("/hook", self._take)
        await self.serve(site)

    async def _take(self, request: web.Request) -> web.Response:
        body = await request.read()
        if request.headers["X-Warden-Signature"] != signature(body, request.headers["X-Warden-Timestamp"], SECRET):
            return web.Response(status=401)
        if self._answers:
            return self._answers.pop(0)
        document = json.loads(body)
        self._got.setdefault(document["delivery_id"], document)
        return web.json_response({"ok": True})

    def values(self) -> dict[str, str]:
        return {"secret": SECRET, "api_base": self.base}

    def heard(self) -> list[str]:
        return [f"{one['title']}\n{one['text']}" for one in self._got.values()]

    def prescribe(self, fault: Fault) -> None:
        self._answers.append(FAULTS[fault]())

    def call(self, call: Call, now: datetime) -> CallbackRequest:
        body = as_bytes(
            {"message_id": "m1", "group": "c001", "sender": {"id": "u1"}, "text": VALID_TEXT, "addressed": True}
        )
        signed_at = now - timedelta(minutes=61) if call is Call.STALE else now
        stamp = str(int(signed_at.timestamp()))
        secret = "another" if call is Call.BAD_SIGNATURE else SECRET
        headers = {"x-warden-timestamp": stamp, "x-warden-signature": signature(body, stamp, secret)}
        return CallbackRequest(headers, {}, body, now)


STAGE = WebhookStage
