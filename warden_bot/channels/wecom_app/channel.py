"""WeCom app of one company (企业微信自建应用): private chats with its members, officers above all.

https://developer.work.weixin.qq.com/document/path/90236 (sending), 94867 (recall), 90238 to 90241 (receiving), 90313
(limits and codes). The platform answers HTTP 200 even when it refuses, and `errcode` 0 even when it left the member
out: only an empty `invaliduser` and `unlicenseduser` beside it mean that the message was taken.
"""

import hashlib
import json
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, ClassVar

from yarl import URL

from warden_bot.channels.base import (
    CallbackRequest,
    Capabilities,
    Channel,
    ChannelSetting,
    Received,
    SendReceipt,
    Surroundings,
)
from warden_bot.channels.envelope import Envelope, read_aes_key
from warden_bot.channels.errcodes import Errors, fetch_access_token, read_errcode
from warden_bot.channels.http import plain_words
from warden_bot.channels.places import LARGEST_MEDIA
from warden_bot.channels.tokens import REFUSED_TOKEN, Answer, token_name, with_token
from warden_bot.channels.wecom_app.callback import Callbacks
from warden_bot.domain.message import Media, OutboundMessage
from warden_bot.domain.pacing import ThrottleRule
from warden_bot.domain.splitting import split_text
from warden_bot.domain.token import FreshToken
from warden_bot.errors import CallbackRejected, SendError, SettingsError
from warden_bot.states import AttemptOutcome, ChannelKind

API_BASE = "https://qyapi.weixin.qq.com"
CALLBACK_SECONDS = "300"  # our own rule: the documents set no age
LONGEST_CONTENT = 2048  # bytes of `text.content` in UTF-8
KEY_LASTS = timedelta(hours=4)  # the longest `duplicate_check_interval`
RECALLS_WITHIN = timedelta(hours=24)
USER_ID = re.compile(r"[A-Za-z0-9_.@-]{1,64}")
EVERYBODY = "@all"  # reads like a userid, and is the whole company
THROTTLE_WAIT = timedelta(seconds=60)  # the limits are counted by the minute
CONCURRENCY_WAIT = timedelta(seconds=2)
GONE_STATUS = {2: "成员已被禁用", 5: "成员已退出企业"}  # `status` of user/get; from general knowledge, not re-checked

# The platform swallows a request whose JSON it has seen within four hours. That makes a resend harmless, but it would
# swallow a second reminder in the same words too: so every message ends in a mark of its own, which a resend keeps.
# Letters only, for digits under a police text get dialled; and not called a number (编号), which is what cases have.
MARK_LETTERS = str.maketrans("0123456789", "ghjkmnpqrs")
MARK = "\n〔消息 {}〕"
MARK_LENGTH = 6  # two deliveries of one text to one member within four hours share a mark once in 16^6
LONGEST_TEXT = LONGEST_CONTENT - len(MARK.format("x" * MARK_LENGTH).encode())

DENIED, REJECTED = AttemptOutcome.DENIED, AttemptOutcome.REJECTED
ERRORS: Errors = {
    -1: ("busy", AttemptOutcome.RETRYABLE, None),
    40001: (REFUSED_TOKEN, DENIED, None),  # with a token in the request it is the token that is meant
    40007: ("no_media", REJECTED, None),  # older than three days; from general knowledge, not re-checked
    40013: ("bad_credentials", DENIED, None),
    40014: (REFUSED_TOKEN, DENIED, None),
    40056: ("bad_credentials", DENIED, None),
    40058: ("bad_request", REJECTED, None),
    41001: ("bad_request", REJECTED, None),
    42001: (REFUSED_TOKEN, DENIED, None),
    44004: ("bad_request", REJECTED, None),
    45002: ("text_too_long", REJECTED, None),
    45009: ("throttled", AttemptOutcome.THROTTLED, THROTTLE_WAIT),
    45033: ("throttled", AttemptOutcome.THROTTLED, CONCURRENCY_WAIT),
    48002: ("bad_credentials", DENIED, None),
    60011: ("route_broken", REJECTED, None),
    60020: ("bad_credentials", DENIED, None),
    60111: ("route_broken", REJECTED, None),
    81013: ("route_broken", REJECTED, None),
    82001: ("route_broken", REJECTED, None),
    301002: ("bad_credentials", DENIED, None),
}
# Where the token is asked for, all of these are about the company's number and the secret.
TOKEN_ERRORS: Errors = {**ERRORS, **dict.fromkeys((40001, 40014, 42001), ("bad_credentials", DENIED, None))}
NOT_VISIBLE = "成员不存在，或不在应用的可见范围里"
WORDS = {  # for whoever has to mend it; the platform's own words say less
    "40013": "CORP_ID 不对",
    "40056": "AGENT_ID 不对",
    "48002": "应用没有这个接口的权限",
    "60011": NOT_VISIBLE,
    "60020": "这台服务器的 IP 不在应用的可信 IP 名单里",
    "60111": NOT_VISIBLE,
    "81013": NOT_VISIBLE,
    "82001": NOT_VISIBLE,
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
        ChannelSetting("API_BASE", "where the platform stands", API_BASE),
        ChannelSetting("CORP_ID", "the company's id (企业ID)", needed=True),
        ChannelSetting("AGENT_ID", "the app's number (AgentId)", needed=True),
        ChannelSetting("SECRET", "the app's secret; with it messages are sent", secret=True, needed=True),
        ChannelSetting("TOKEN", "signs callbacks; without it nothing is received", secret=True),
        ChannelSetting("AES_KEY", "opens callbacks (EncodingAESKey, 43 characters)", secret=True),
        ChannelSetting("CALLBACK_SECONDS", "how old a callback may be", CALLBACK_SECONDS),
    )

    def __init__(self, values: Mapping[str, str], around: Surroundings) -> None:
        super().__init__(values, around)
        if faults := self._faults():
            raise SettingsError(faults)
        self._corp, self._agent = self.setting("CORP_ID"), int(self.setting("AGENT_ID") or "0")
        self._callbacks = self._built_callbacks()

    def _built_callbacks(self) -> Callbacks | None:
        """Return what reads callbacks, None where too little is set to receive any."""
        token, aes_key = self.setting("TOKEN"), self.setting("AES_KEY")
        if not (token and aes_key and self._corp and self._agent):
            return None
        envelope = Envelope(token, aes_key, self._corp)
        window = timedelta(seconds=int(self.setting("CALLBACK_SECONDS")))
        return Callbacks(envelope, self._corp, str(self._agent), window, self.address_fault, self._around.clock)

    def _faults(self) -> list[str]:
        faults = []
        if not re.fullmatch(r"[0-9]{0,10}", self.setting("AGENT_ID")):
            faults.append("WARDEN_WECOM_APP_AGENT_ID must be a number such as 1000002")
        if not re.fullmatch(r"0*[1-9][0-9]{0,4}", self.setting("CALLBACK_SECONDS")):
            faults.append("WARDEN_WECOM_APP_CALLBACK_SECONDS must be a whole number from 1 to 99999")
        try:
            read_aes_key(self.setting("AES_KEY") or "A" * 43)
        except ValueError:
            faults.append("WARDEN_WECOM_APP_AES_KEY must have 43 characters: letters, digits, + and /")
        return faults

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
            "agentid": self._agent,
            "duplicate_check_interval": int(KEY_LASTS.total_seconds()),
            "enable_duplicate_check": 1,
            "msgtype": "text",
            "text": {"content": part + mark_of(message.part_key(number))},
            "touser": message.recipient.address,
        }
        answer = await self._ask("message/send", body)
        if answer.get("invaliduser"):
            raise SendError("route_broken", REJECTED, platform_code="invaliduser", platform_words=NOT_VISIBLE)
        if answer.get("unlicenseduser"):
            words = "成员没有接口许可，或许可过期了"
            raise SendError("route_broken", REJECTED, platform_code="unlicenseduser", platform_words=words)
        message_id = answer.get("msgid")
        return SendReceipt("".join(message_id.split()) if isinstance(message_id, str) else "")

    async def recall(self, address: str, external_id: str) -> None:  # noqa: ARG002 -- the contract's signature
        """Take back a message: it goes from the WeCom client, not from WeChat where the member has the plugin."""
        if not external_id:
            raise SendError("cannot_recall", REJECTED, asked=False)
        await self._ask("message/recall", {"msgid": external_id})

    async def probe(self, address: str, secret: str) -> None:  # noqa: ARG002 -- the contract's signature
        """Look the member up, which nobody sees."""
        member = await self._ask("user/get", userid=address)
        status = member.get("status")
        if isinstance(status, int) and status in GONE_STATUS:
            words = GONE_STATUS[status]
            raise SendError("route_broken", REJECTED, platform_code=f"status {status}", platform_words=words)

    async def check(self) -> str:
        """Look our own app up: this needs the right company, secret and app, and a server that may call."""
        found = await self._ask("agent/get", agentid=str(self._agent))
        return plain_words(str(found.get("name", "")))

    async def fetch_media(self, media: Media) -> bytes:
        """Fetch a picture, voice, video or file by its id, within three days."""

        async def call(token: str) -> bytes:
            url = self._url("media/get", token, {"media_id": media.place})
            answer = await self._around.http.request("GET", url, largest=LARGEST_MEDIA)
            answer.require_success()
            # A refusal is JSON where a file should be. A file may hold anything, an errcode too, but it has a name.
            refused = None if "Content-Disposition" in answer.headers else answer.document_or_none()
            if refused is not None and "errcode" in refused:
                read_errcode(refused, ERRORS)
            return answer.body

        found = await self._with_token(call)
        if len(found) > LARGEST_MEDIA:
            raise SendError("too_large", REJECTED)
        return found

    def _url(self, path: str, token: str, query: Mapping[str, str]) -> URL:
        return URL(f"{self.base}/cgi-bin/{path}").with_query({"access_token": token, **query})

    async def _ask(self, path: str, document: dict[str, Any] | None = None, **query: str) -> dict[str, Any]:
        """Call an API that answers JSON; POST where there is a document. Raise SendError for a refusal."""

        async def call(token: str) -> dict[str, Any]:
            url = self._url(path, token, query)
            if document is not None:
                found = await self._around.http.post_json(url, _as_bytes(document))
            else:
                answer = await self._around.http.exchange("GET", url)
                answer.require_success()
                found = answer.document()
            read_errcode(found, ERRORS)
            return found

        return await self._with_token(call)

    async def _with_token(self, call: Callable[[str], Awaitable[Answer]]) -> Answer:
        if missing := self.lacks():
            words = " ".join(f"WARDEN_WECOM_APP_{name}" for name in missing) + " not set"
            raise SendError("bad_credentials", DENIED, platform_words=words, asked=False)
        name = token_name(self.kind, f"{self._corp}:{self._agent}", self.setting("SECRET"))
        with _plain_reasons():
            return await with_token(self._around.tokens, name, self._fetch_token, call)

    async def _fetch_token(self) -> FreshToken:
        query = {"corpid": self._corp, "corpsecret": self.setting("SECRET")}
        url = URL(f"{self.base}/cgi-bin/gettoken").with_query(query)
        return await fetch_access_token(self._around.http, url, TOKEN_ERRORS, self._around.clock)

    def parse_callback(self, request: CallbackRequest) -> Received:
        """Open the envelope: the platform checking our address, or something that a member did."""
        if self._callbacks is None:
            raise CallbackRejected("not_configured", 404)
        return self._callbacks.parse(request)


def mark_of(key: str) -> str:
    """Return the line under a message that is the same for the same part of the same delivery only."""
    letters = hashlib.sha256(key.encode()).hexdigest()[:MARK_LENGTH].translate(MARK_LETTERS)
    return MARK.format(letters)


def _as_bytes(document: dict[str, Any]) -> bytes:
    """Write JSON in one way only: the duplicate check compares the whole of it."""
    return json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


@contextmanager
def _plain_reasons() -> Iterator[None]:
    """Say in our words what a person has to mend, where we know it."""
    try:
        yield
    except SendError as error:
        error.platform_words = WORDS.get(error.platform_code, error.platform_words)
        raise
