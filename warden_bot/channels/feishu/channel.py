"""Feishu (飞书; Lark abroad): custom bots, each in one group and send only, and the bot of an app, both ways.

https://open.feishu.cn/document/client-docs/bot-v3/add-custom-bot (custom bots) and
https://open.feishu.cn/document/server-docs/im-v1/message/create (apps); what comes in is read in `events`.
The address says which of the two is meant. A custom bot's is its token, the whole secret beside its sign secret; an
app's is the id of a chat (oc_…) or of a person (ou_…). Both refuse in `code`: custom bots with HTTP 200, apps with 400.
What a custom bot said cannot be taken back, and a person cannot be looked up.
"""

import hashlib
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, ClassVar
from urllib.parse import quote

from warden_bot.channels.base import (
    ENCODER,
    CallbackRequest,
    Capabilities,
    Channel,
    ChannelSetting,
    Received,
    SendReceipt,
    Surroundings,
)
from warden_bot.channels.errcodes import OK, Errors, refusal
from warden_bot.channels.feishu.events import Events
from warden_bot.channels.http import HttpAnswer, retry_after
from warden_bot.channels.meanings import (
    BAD_CREDENTIALS,
    BAD_REQUEST,
    BUSY,
    CANNOT_RECALL,
    CONTENT_REFUSED,
    ROUTE_BROKEN,
    TEXT_TOO_LONG,
    TOKEN_REFUSED,
    UNREACHABLE,
    Meaning,
    throttled,
)
from warden_bot.channels.places import LARGEST_MEDIA, whole_file
from warden_bot.channels.rules import SECONDS
from warden_bot.channels.signing import sign_base64
from warden_bot.channels.tokens import Answer, fetch_token, token_name, with_token
from warden_bot.domain.message import Media, OutboundMessage, Recipient
from warden_bot.domain.pacing import ThrottleRule
from warden_bot.domain.splitting import split_text
from warden_bot.domain.token import FreshToken
from warden_bot.errors import OutcomeUnknown, SendError
from warden_bot.states import AttemptOutcome, ChannelKind

API_BASE = "https://open.feishu.cn"  # Lark: https://open.larksuite.com
TOKEN_PATH = "/open-apis/auth/v3/tenant_access_token/internal"  # noqa: S105 -- a path
TOKEN_NAMES = ("tenant_access_token", "expire")
HOOKS, MESSAGES, CHATS = "/open-apis/bot/v2/hook", "/open-apis/im/v1/messages", "/open-apis/im/v1/chats"

# Bytes of a text. Custom bots take 20 KB of JSON in all, so 2 KB stay free for escapes. Apps take 150 KB, but their
# answer repeats the text, and an answer must stay within what we read of one.
LONGEST_TEXT = 18_000
LONGEST_KEY = 50  # characters of a uuid
HOOK_ADDRESS = re.compile(r"[A-Za-z0-9-]{36}")
APP_ADDRESS = re.compile(r"o[cu]_[A-Za-z0-9_-]{1,100}")
PERSON = "ou_"
MENTION_TAG = re.compile(r"<(?=/?at\b)", re.IGNORECASE)  # <at user_id="all"></at> in a text calls everybody
GONE = ("dissolved", "dissolved_save")  # unsure: other values of chat_status than "normal" are not in our documents
OURS = re.compile(r"\b(?:o[cnmu]|cli)_[\w-]+|\b\d{1,3}(?:\.\d{1,3}){3}\b")  # ids and addresses in a platform's words
TOO_MANY = re.compile(r"too many|frequen", re.IGNORECASE)
RECALLED = 230011  # by an earlier try, whose answer was lost, or by hand
FREQUENT_OR_WRONG = 9499  # documented for a wrong body; seen for too many requests too, so its words decide

REJECTED = AttemptOutcome.REJECTED
THROTTLE_WAIT = timedelta(seconds=2)  # limits by the second
CROWD_WAIT = timedelta(seconds=60)  # the whole platform is busy

HOOK_ERRORS: Errors = {
    FREQUENT_OR_WRONG: BAD_REQUEST,
    11232: throttled(CROWD_WAIT),  # on the hour and the half hour above all
    19001: ROUTE_BROKEN,  # unsure (from memory): no such token
    19021: BAD_CREDENTIALS,  # wrong sign secret, or our clock is an hour off
    19022: BAD_CREDENTIALS,  # the bot's list of IPs does not have ours
    19024: ROUTE_BROKEN,  # the bot only takes texts with its keyword: a person has to take that away
}
ERRORS: Errors = {
    **dict.fromkeys((230001, 230099), BAD_REQUEST),
    **dict.fromkeys((230002, 232011), ROUTE_BROKEN),  # the bot is not in the group
    **dict.fromkeys((230006, 230017), ROUTE_BROKEN),  # the app has no bot (any more), or the bot no right to it
    **dict.fromkeys(
        (230013, 230053), ROUTE_BROKEN
    ),  # a person out of the app's range, or who wants nothing from the bot
    **dict.fromkeys((230018, 230034, 230035), ROUTE_BROKEN),  # the bot may not speak there; no such receiver; denied
    **dict.fromkeys((232006, 232009), ROUTE_BROKEN),  # no such chat; dissolved
    **dict.fromkeys((230009, RECALLED, 230026, 230050, 230054), CANNOT_RECALL),  # or too old, or not the bot's own
    **dict.fromkeys((230020, 232019, 99991400), throttled(THROTTLE_WAIT)),
    **dict.fromkeys((230022, 230028), CONTENT_REFUSED),  # plain telephone numbers can cause the second
    230025: TEXT_TOO_LONG,
    230049: BUSY,  # the same uuid is being sent at this moment
    **dict.fromkeys((99991661, 99991663, 99991668), TOKEN_REFUSED),
    **dict.fromkeys((230027, 99991672), BAD_CREDENTIALS),  # the app lacks a permission
    99991401: BAD_CREDENTIALS,  # unsure (from memory): the app's list of IPs does not have ours
    99991403: BAD_CREDENTIALS,  # the free edition's 10,000 calls a month are used up
}

APP = Capabilities(
    longest_part=LONGEST_TEXT,
    most_parts=2,
    pace=(
        # 5 a second to one chat or person, which all bots in a group share.
        ThrottleRule("recipient", burst=3, interval=timedelta(seconds=0.5)),
        # 50 a second and 1000 a minute for an app.
        ThrottleRule("channel", burst=34, interval=timedelta(milliseconds=63)),
    ),
    receives=True,
    largest_callback=256 * 1024,
    takes_key=True,
    key_lasts=timedelta(hours=1),
    recalls_within=timedelta(hours=24),  # unsure: the tenant's administrator can set another time
    probes=True,
    reaches_people=True,
)
HOOK = Capabilities(
    longest_part=LONGEST_TEXT,
    most_parts=2,
    pace=(ThrottleRule("recipient", burst=3, interval=timedelta(seconds=0.64)),),  # 5 a second, 100 a minute
)
SOMEBODY = replace(APP, probes=False)


class Feishu(Channel):
    """Sends plain text through custom bots and an app's bot, and hears what the app is told."""

    kind: ClassVar[ChannelKind] = ChannelKind.FEISHU
    capabilities: ClassVar[Capabilities] = APP
    settings: ClassVar[tuple[ChannelSetting, ...]] = (
        ChannelSetting("API_BASE", "where the platform stands", API_BASE),
        ChannelSetting("APP_ID", "the app's id; empty: custom bots only"),
        ChannelSetting("APP_SECRET", "the app's secret", secret=True),
        ChannelSetting("ENCRYPT_KEY", "opens and signs what comes in", secret=True),
        ChannelSetting("VERIFICATION_TOKEN", "is in what comes in; the only proof without ENCRYPT_KEY", secret=True),
        ChannelSetting(
            "CALLBACK_SECONDS", "how old what comes in may be, by its signed timestamp", "3600", rule=SECONDS
        ),
        ChannelSetting("BOT_OPEN_ID", "the bot's own open_id, to know when it is mentioned; empty: any mention counts"),
    )

    def __init__(self, values: Mapping[str, str], around: Surroundings) -> None:
        super().__init__(values, around)
        self._app_id, self._secret = self.setting("APP_ID"), self.setting("APP_SECRET")
        self._events = Events(self.setting, self.window)

    def address_fault(self, address: str) -> str | None:
        """Accept the bare token of a custom bot, or an app's id of a chat or person."""
        if "/" in address:
            return "地址只填 /hook/ 后面那一段，不要整个网址"
        if HOOK_ADDRESS.fullmatch(address) or APP_ADDRESS.fullmatch(address):
            return None
        return "地址要是自定义机器人网址里 /hook/ 后面的 36 个字符，或应用机器人的 oc_ 群号、ou_ 用户号"

    def abilities(self, address: str) -> Capabilities:
        """Tell custom bots, chats and persons apart."""
        if not APP_ADDRESS.fullmatch(address):
            return HOOK
        return SOMEBODY if address.startswith(PERSON) else APP

    def platform(self, address: str) -> str:
        """Tell custom bots and the app apart: one may work where the other does not."""
        return f"{self.kind}:{'app' if APP_ADDRESS.fullmatch(address) else 'hook'}"

    def parts(self, message: OutboundMessage) -> list[str]:
        """Cut the text, in which nobody's words may call everybody of a group."""
        return split_text(MENTION_TAG.sub("＜", message.plain), LONGEST_TEXT)

    async def send(self, message: OutboundMessage, part: str, number: int) -> SendReceipt:
        """Send one text message, through whichever bot the address means."""
        if len(part.encode()) > LONGEST_TEXT:  # a custom bot would answer with a code that means anything
            raise SendError("text_too_long", REJECTED, asked=False)
        address = message.recipient.address
        if not APP_ADDRESS.fullmatch(address):
            return await self._send_by_hook(message.recipient, part)
        kind = "open_id" if address.startswith(PERSON) else "chat_id"
        body = {
            "receive_id": address,
            "msg_type": "text",
            "content": ENCODER.encode({"text": part}),
            "uuid": unique_key(message.part_key(number)),
        }
        data = await self._ask("POST", f"{MESSAGES}?receive_id_type={kind}", body)
        return SendReceipt(str(data.get("message_id") or ""))

    async def _send_by_hook(self, recipient: Recipient, part: str) -> SendReceipt:
        body: dict[str, Any] = {"msg_type": "text", "content": {"text": part}}
        if recipient.secret:
            timestamp = str(int(self._around.clock().timestamp()))
            # The key holds what is signed, and the message is empty.
            body |= {"timestamp": timestamp, "sign": sign_base64(f"{timestamp}\n{recipient.secret}", "")}
        url = f"{self.base}{HOOKS}/{quote(recipient.address, safe='')}"
        read_answer(await self._around.http.exchange("POST", url, body), HOOK_ERRORS, missing=ROUTE_BROKEN)
        return SendReceipt()

    async def recall(self, address: str, external_id: str) -> None:
        """Take back a message of the app's bot; what a custom bot wrote only the group's owner can."""
        if not APP_ADDRESS.fullmatch(address):
            return await super().recall(address, external_id)
        try:
            await self._ask("DELETE", f"{MESSAGES}/{quote(external_id, safe='')}")
        except SendError as error:
            if error.platform_code != str(RECALLED):
                raise
        return None

    async def probe(self, address: str, secret: str) -> None:
        """Look a chat up. A custom bot or a person cannot be looked up without a permission more, or a message."""
        if not self.abilities(address).probes:
            return await super().probe(address, secret)
        status = (await self._ask("GET", f"{CHATS}/{quote(address, safe='')}")).get("chat_status")
        if status in GONE:
            raise SendError("route_broken", REJECTED, platform_words=f"chat_status {status}")
        return None

    def lacks(self, address: str = "") -> list[str]:
        """Want an app's id and its secret both or neither; for an app's address both."""
        missing = [name for name in ("APP_ID", "APP_SECRET") if not self.setting(name)]
        return missing if len(missing) == 1 or (address and not HOOK_ADDRESS.fullmatch(address)) else []

    async def check(self) -> str:
        """Fetch a token where there is an app."""
        if not self._app_id:
            return await super().check()
        await self._fetch_token()
        return "tenant_access_token"

    def parse_callback(self, request: CallbackRequest) -> Received:
        """Verify and read an event."""
        return self._events.read(request)

    async def fetch_media(self, media: Media) -> bytes:
        """Fetch what lies at "message_id/key"."""
        message_id, _, key = media.place.partition("/")
        kind = "image" if media.kind == "image" else "file"
        url = f"{self.base}{MESSAGES}/{quote(message_id, safe='')}/resources/{quote(key, safe='')}?type={kind}"

        async def call(token: str) -> bytes:
            headers = {"Authorization": f"Bearer {token}"}
            answer = await self._around.http.request("GET", url, None, headers, LARGEST_MEDIA)
            if answer.status != 200:  # noqa: PLR2004 -- HTTP's own; only then the bytes are the file
                read_answer(answer, ERRORS)
            return whole_file(answer, LARGEST_MEDIA)

        return await self._with_token(call)

    async def _ask(self, method: str, path: str, document: object = None) -> dict[str, Any]:
        """Make a call as the app, and return the `data` of its answer."""

        async def call(token: str) -> dict[str, Any]:
            headers = {"Authorization": f"Bearer {token}"}
            answer = await self._around.http.exchange(method, self.base + path, document, headers)
            data = read_answer(answer, ERRORS).get("data")
            return data if isinstance(data, dict) else {}

        return await self._with_token(call)

    async def _with_token(self, call: Callable[[str], Awaitable[Answer]]) -> Answer:
        self.require_settings("APP_ID", "APP_SECRET")
        name = token_name(self.kind, self._app_id, self._secret)
        return await with_token(self._around.tokens, name, self._fetch_token, call)

    async def _fetch_token(self) -> FreshToken:
        return await fetch_token(self._asked_for_token(), TOKEN_NAMES, self._around.clock)

    async def _asked_for_token(self) -> dict[str, Any]:
        credentials = {"app_id": self._app_id, "app_secret": self._secret}
        return read_answer(await self._around.http.exchange("POST", self.base + TOKEN_PATH, credentials), ERRORS)


def unique_key(key: str) -> str:
    """Return the uuid of a part: its own key, or where that is too long for the platform what stands for it."""
    return key if len(key) <= LONGEST_KEY else hashlib.sha256(key.encode()).hexdigest()[:LONGEST_KEY]


def read_answer(answer: HttpAnswer, errors: Errors, missing: Meaning = UNREACHABLE) -> dict[str, Any]:
    """Return the answer where the platform accepted; raise what its `code` means, which says more than its HTTP status."""
    document = answer.document_or_none() or {}
    code, words = document.get("code", document.get("StatusCode")), str(document.get("msg", ""))
    if not isinstance(code, int) or isinstance(code, bool) or code == OK:
        answer.require_success(missing)
        if code != OK or isinstance(code, bool):
            raise OutcomeUnknown("unexpected_answer", "the answer has no code")
        return document
    if code not in errors and answer.status not in (400, 404):  # the statuses of their own refusals
        answer.require_success()
    error = refusal(code, OURS.sub("…", words), errors)
    if code == FREQUENT_OR_WRONG and TOO_MANY.search(words):
        error = error.restated(*throttled(CROWD_WAIT))
    if error.outcome is AttemptOutcome.THROTTLED:
        asked = retry_after(answer.headers.get("x-ogw-ratelimit-reset", ""))  # unsure: seconds, from memory
        error = error.restated(retry_after=asked)
    raise error
