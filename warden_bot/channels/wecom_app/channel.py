"""WeCom app of one company (企业微信自建应用): private chats with its members, officers above all.

https://developer.work.weixin.qq.com/document/path/90236 (sending), 94867 (recall), 90238 to 90241 (receiving), 90313
(limits and codes). The platform answers HTTP 200 even when it refuses, and `errcode` 0 even when it left the member
out: only an empty `invaliduser` and `unlicenseduser` beside it mean that the message was taken.
"""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import ClassVar

from warden_bot.channels.base import (
    CallbackRequest,
    Capabilities,
    Channel,
    ChannelSetting,
    Received,
    SendReceipt,
    Surroundings,
)
from warden_bot.channels.company import COMPANY_ERRORS, COMPANY_REASONS, COMPANY_SETTINGS, agent_of, company_api
from warden_bot.channels.envelope import Envelope
from warden_bot.channels.errcodes import Errors
from warden_bot.channels.http import plain_words
from warden_bot.channels.marks import mark, room_for_mark
from warden_bot.channels.meanings import NO_MEDIA
from warden_bot.channels.rules import AES_KEY, SECONDS
from warden_bot.channels.wecom_app.callback import Callbacks
from warden_bot.domain.message import Media, OutboundMessage
from warden_bot.domain.pacing import ThrottleRule
from warden_bot.domain.splitting import split_text
from warden_bot.errors import CallbackRejected, SendError
from warden_bot.states import AttemptOutcome, ChannelKind

# Every message ends in a mark of its own, which a resend keeps, so that a second reminder is heard: see `marks`.
MARK = "消息"
LONGEST_TEXT = 2048 - room_for_mark(MARK)  # bytes of `text.content` in UTF-8
KEY_LASTS = timedelta(hours=4)  # the longest `duplicate_check_interval`
RECALLS_WITHIN = timedelta(hours=24)
USER_ID = re.compile(r"[A-Za-z0-9_.@-]{1,64}")
EVERYBODY = "@all"  # reads like a userid, and is the whole company
GONE = {2: "成员已被禁用", 5: "成员已退出企业"}  # `status` of user/get; from general knowledge, not re-checked

REJECTED = AttemptOutcome.REJECTED
ERRORS: Errors = {
    **COMPANY_ERRORS,
    40007: NO_MEDIA,  # older than three days; from general knowledge, not re-checked
}
NOT_REACHED = "成员不存在，或不在应用的可见范围里"
REASONS = {
    **COMPANY_REASONS,
    **dict.fromkeys(("60011", "60111", "81013", "82001"), NOT_REACHED),
    "48002": "应用没有这个接口的权限",
    "301002": "SECRET 和 AGENT_ID 不是同一个应用的",
}


class WecomApp(Channel):
    """Sends text to members of one company, and answers what they write to the app."""

    kind: ClassVar[ChannelKind] = ChannelKind.WECOM_APP
    capabilities: ClassVar[Capabilities] = Capabilities(
        longest_part=LONGEST_TEXT,
        most_parts=4,
        # 30 a minute and 1000 an hour a member, and what is more is dropped without a word: 26 and 999 stay below.
        pace=(ThrottleRule("recipient", burst=10, interval=timedelta(seconds=3.64)),),
        receives=True,
        largest_callback=256 * 1024,
        replies_in_answer=True,
        takes_key=True,
        key_lasts=KEY_LASTS,
        recalls_within=RECALLS_WITHIN,
        probes=True,
        reaches_people=True,
    )
    settings: ClassVar[tuple[ChannelSetting, ...]] = (
        *COMPANY_SETTINGS,
        ChannelSetting("TOKEN", "signs callbacks; without it nothing is received", secret=True),
        ChannelSetting("AES_KEY", "opens callbacks (EncodingAESKey, 43 characters)", secret=True, rule=AES_KEY),
        # The documents set no age.
        ChannelSetting("CALLBACK_SECONDS", "how old a callback may be", "300", rule=SECONDS),
    )

    def __init__(self, values: Mapping[str, str], around: Surroundings) -> None:
        super().__init__(values, around)
        self._api = company_api(self, around, ERRORS, REASONS)
        self._callbacks = self._built_callbacks()

    def _built_callbacks(self) -> Callbacks | None:
        """Return what reads callbacks, None where too little is set to receive any."""
        corp, agent = self.setting("CORP_ID"), agent_of(self)
        token, aes_key = self.setting("TOKEN"), self.setting("AES_KEY")
        if not (token and aes_key and corp and agent):
            return None
        envelope = Envelope(token, aes_key, corp)
        return Callbacks(envelope, corp, str(agent), self.window, self.address_fault, self._around.clock)

    def address_fault(self, address: str) -> str | None:
        """Accept the userid of one member; several, or all of them, are never one address."""
        if address.lower() == EVERYBODY:
            return "地址不能是 @all：一个地址是一位成员"
        return None if USER_ID.fullmatch(address) else "地址要是一位成员的账号（userid），只有字母、数字和 _ . @ -"

    def parts(self, message: OutboundMessage) -> list[str]:
        """Cut the text at lines and graphemes into parts that leave room for the mark."""
        return split_text(message.plain, LONGEST_TEXT)

    async def send(self, message: OutboundMessage, part: str, number: int) -> SendReceipt:
        """Send one text message to one member; the same request again is heard once."""
        if self.address_fault(message.recipient.address):  # a list, or everybody, would read a notice for one
            raise SendError("route_broken", REJECTED, platform_words="地址不是一位成员", asked=False)
        body = {
            "agentid": agent_of(self),
            "duplicate_check_interval": int(KEY_LASTS.total_seconds()),
            "enable_duplicate_check": 1,
            "msgtype": "text",
            "text": {"content": part + mark(MARK, message.part_key(number))},
            "touser": message.recipient.address,
        }
        answer = await self._api.post("message/send", body)
        if answer.get("invaliduser"):
            raise SendError("route_broken", REJECTED, platform_code="invaliduser", platform_words=NOT_REACHED)
        if answer.get("unlicenseduser"):
            words = "成员没有接口许可，或许可过期了"
            raise SendError("route_broken", REJECTED, platform_code="unlicenseduser", platform_words=words)
        message_id = answer.get("msgid")
        return SendReceipt("".join(message_id.split()) if isinstance(message_id, str) else "")

    async def recall(self, address: str, external_id: str) -> None:  # noqa: ARG002 -- the contract's signature
        """Take back a message: it goes from the WeCom client, not from WeChat where the member has the plugin."""
        if not external_id:
            raise SendError("cannot_recall", REJECTED, asked=False)
        await self._api.post("message/recall", {"msgid": external_id})

    async def probe(self, address: str, secret: str) -> None:  # noqa: ARG002 -- the contract's signature
        """Look the member up, which nobody sees."""
        status = (await self._api.get("user/get", userid=address)).get("status")
        if isinstance(status, int) and status in GONE:
            raise SendError("route_broken", REJECTED, platform_code=f"status {status}", platform_words=GONE[status])

    async def check(self) -> str:
        """Look our own app up: this needs the right company, secret and app, and a server that may call."""
        found = await self._api.get("agent/get", agentid=str(agent_of(self)))
        return plain_words(str(found.get("name", "")))

    def parse_callback(self, request: CallbackRequest) -> Received:
        """Open the envelope: the platform checking our address, or something that a member did."""
        if self._callbacks is None:
            raise CallbackRejected("not_configured", 404)
        return self._callbacks.read(request)

    async def fetch_media(self, media: Media) -> bytes:
        """Fetch a picture, voice, video or file by its id, within three days."""
        return await self._api.file("media/get", media_id=media.place)
