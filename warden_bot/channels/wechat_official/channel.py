"""WeChat Official Account (公众号): private chats with whoever follows it, in their own WeChat. No groups.

https://developers.weixin.qq.com/doc/offiaccount/Message_Management/Service_Center_messages.html (sending); what comes
in is read in `wechat_official_callback`. An account may not write first: a customer service message goes out only for
a while after the follower did something. How long and how often only third parties say (5 in 48 hours after a message,
3 in a minute after a click), so nothing here counts: the platform's own codes decide. The platform answers HTTP 200
even when it refuses. There is no message id, no recall and no way to send twice safely.
"""

import json
import re
from collections.abc import Awaitable, Callable, Mapping
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
from warden_bot.channels.places import LARGEST_MEDIA
from warden_bot.channels.replays import Replays
from warden_bot.channels.tokens import REFUSED_TOKEN, Answer, token_name, with_token
from warden_bot.channels.wechat_official.callback import OPENID, Callbacks
from warden_bot.domain.message import Media, OutboundMessage
from warden_bot.domain.splitting import split_text
from warden_bot.domain.token import FreshToken
from warden_bot.errors import CallbackRejected, SendError, SettingsError
from warden_bot.states import AttemptOutcome, ChannelKind

API_BASE = "https://api.weixin.qq.com"
LONGEST_TEXT = 2048  # bytes of `text.content` in UTF-8; from general knowledge, not re-checked
NOT_FOLLOWING = 0  # `subscribe` of user/info
QUOTA_WAIT = timedelta(hours=1)  # a day's quota; looked at again every hour
THROTTLE_WAIT = timedelta(seconds=60)

DENIED, REJECTED, THROTTLED = AttemptOutcome.DENIED, AttemptOutcome.REJECTED, AttemptOutcome.THROTTLED
WRONG, NO_ACCESS = ("bad_request", REJECTED, None), ("bad_credentials", DENIED, None)
BROKEN, TOO_LATE = ("route_broken", REJECTED, None), ("outside_window", REJECTED, None)
ERRORS: Errors = {
    -1: ("busy", AttemptOutcome.RETRYABLE, None),
    **dict.fromkeys((40001, 40014, 42001), (REFUSED_TOKEN, DENIED, None)),  # 40001, when fetching one: wrong secret
    40003: BROKEN,  # not an openid of this account
    40007: ("no_media", REJECTED, None),  # older than three days; from general knowledge, not re-checked
    **dict.fromkeys((40013, 40125), NO_ACCESS),  # wrong APP_ID; wrong APP_SECRET (the second from general knowledge)
    40164: NO_ACCESS,  # the account's list of IPs does not have ours; from general knowledge, not re-checked
    **dict.fromkeys((40008, 41001, 44004, 47001, 47003), WRONG),
    43004: BROKEN,  # does not follow, or no longer
    **dict.fromkeys((43019, 43101), BROKEN),  # on the account's black list; refuses its messages
    45002: ("text_too_long", REJECTED, None),
    45009: ("throttled", THROTTLED, QUOTA_WAIT),
    45011: ("throttled", THROTTLED, THROTTLE_WAIT),
    **dict.fromkeys((45015, 45047), TOO_LATE),  # too long ago; too many since
    48001: NO_ACCESS,
    48002: BROKEN,  # the follower switched messages off; from general knowledge, not re-checked
    48004: NO_ACCESS,  # the interface is banned; from general knowledge, not re-checked
    87014: ("content_refused", AttemptOutcome.HELD, None),  # unsure: known of the interface that checks texts
}
WORDS = {  # for whoever has to mend it; the platform's own words say less
    "40001": "APP_SECRET 不对",
    "40013": "APP_ID 不对",
    "40125": "APP_SECRET 不对",
    "40164": "这台服务器的 IP 不在公众号的 IP 白名单里",
    "43004": "对方没有关注公众号",
    "45015": "离对方上次发消息太久了，公众号不能先开口",
    "45047": "对方上次发消息以后，能发的条数用完了",
    "48001": "公众号没有这个接口的权限，多半是还没有认证",
}


class WechatOfficial(Channel):
    """Answers followers, and sends them text while the platform allows it."""

    kind: ClassVar[ChannelKind] = ChannelKind.WECHAT_OFFICIAL
    capabilities: ClassVar[Capabilities] = Capabilities(
        longest_part=LONGEST_TEXT,
        most_parts=3,  # each counts against what a follower may be sent
        receives=True,
        largest_callback=256 * 1024,
        replies_in_answer=True,
        probes=True,
        reaches_people=True,
    )
    settings: ClassVar[tuple[ChannelSetting, ...]] = (
        ChannelSetting("API_BASE", "where the platform stands", API_BASE),
        ChannelSetting("APP_ID", "the account's id (AppID)", needed=True),
        ChannelSetting(
            "APP_SECRET", "the account's secret (AppSecret); with it messages are sent", secret=True, needed=True
        ),
        ChannelSetting("TOKEN", "signs callbacks; without it nothing is received", secret=True, needed=True),
        ChannelSetting("AES_KEY", "opens callbacks (EncodingAESKey); empty: plain mode, which is weaker", secret=True),
        ChannelSetting("CALLBACK_SECONDS", "how old a callback may be", "300"),
        ChannelSetting("STABLE_TOKEN", "1: tokens that other programs with this account do not push out", "0"),
    )

    def __init__(self, values: Mapping[str, str], around: Surroundings) -> None:
        super().__init__(values, around)
        if faults := list(self._faults()):
            raise SettingsError(faults)
        self._app_id, self._secret = self.setting("APP_ID"), self.setting("APP_SECRET")
        token, aes_key = self.setting("TOKEN"), self.setting("AES_KEY")
        window = timedelta(seconds=int(self.setting("CALLBACK_SECONDS")))
        envelope = Envelope(token, aes_key, self._app_id) if aes_key else None
        self._callbacks = Callbacks(token, envelope, window, Replays(window), around.clock) if token else None

    def _faults(self) -> list[str]:
        faults, prefix = [], "WARDEN_WECHAT_OFFICIAL_"
        try:
            read_aes_key(self.setting("AES_KEY") or "A" * 43)
        except ValueError as error:
            faults.append(f"{prefix}AES_KEY is not usable: {error}")
        if self.setting("AES_KEY") and not self.setting("APP_ID"):
            faults.append(f"{prefix}AES_KEY needs {prefix}APP_ID: what comes in is sealed for that account")
        if not re.fullmatch(r"[1-9][0-9]{0,4}", self.setting("CALLBACK_SECONDS")):
            faults.append(f"{prefix}CALLBACK_SECONDS must be a whole number from 1 to 99999")
        if self.setting("STABLE_TOKEN") not in ("0", "1"):
            faults.append(f"{prefix}STABLE_TOKEN must be 0 or 1")
        return faults

    def address_fault(self, address: str) -> str | None:
        """Accept the openid of one follower."""
        if OPENID.fullmatch(address):
            return None
        return "地址要是一位关注者的 openid：20 到 40 个字母、数字和 - _，不是微信号"

    def parts(self, message: OutboundMessage) -> list[str]:
        """Cut the text at lines and graphemes into parts of at most 2048 bytes."""
        return split_text(message.plain, LONGEST_TEXT)

    async def send(self, message: OutboundMessage, part: str, number: int) -> SendReceipt:  # noqa: ARG002 -- the contract's signature
        """Send one customer service message. Raise SendError `outside_window` where the follower has to write first."""
        body = {"touser": message.recipient.address, "msgtype": "text", "text": {"content": part}}
        # Plain UTF-8: the platform shows escapes as they are.
        written = json.dumps(body, ensure_ascii=False).encode()

        async def call(token: str) -> None:
            url = self._url("message/custom/send", access_token=token)
            read_errcode(await self._around.http.post_json(url, written), ERRORS)

        await self._with_token(call)
        return SendReceipt()

    async def probe(self, address: str, secret: str) -> None:  # noqa: ARG002 -- the contract's signature
        """Ask whether somebody still follows the account, which nobody sees. From general knowledge, not re-checked."""

        async def call(token: str) -> dict[str, Any]:
            answer = await self._around.http.exchange("GET", self._url("user/info", access_token=token, openid=address))
            answer.require_success()
            follower = answer.document()
            if "errcode" in follower:
                read_errcode(follower, ERRORS)
            return follower

        if (await self._with_token(call)).get("subscribe") == NOT_FOLLOWING:
            raise SendError("route_broken", REJECTED, platform_code="subscribe 0", platform_words=WORDS["43004"])

    async def check(self) -> str:
        """Get a token, the one that is in use where there is one: a new one would push it out."""

        async def got(_token: str) -> str:
            return "access_token"

        return await self._with_token(got)

    async def fetch_media(self, media: Media) -> bytes:
        """Fetch a picture or voice by its id, within three days. Videos are not: the platform only names a place for them."""

        async def call(token: str) -> bytes:
            url = self._url("media/get", access_token=token, media_id=media.place)
            answer = await self._around.http.request("GET", url, largest=LARGEST_MEDIA)
            answer.require_success()
            # A refusal is JSON where a file should be. A file may hold anything, an errcode too, but it has a name.
            document = None if "Content-Disposition" in answer.headers else answer.document_or_none()
            if document is not None and "video_url" in document:
                raise SendError("foreign_address", REJECTED, platform_words="视频在别的网址上，没有去取")
            if document is not None and "errcode" in document:
                read_errcode(document, ERRORS)
            return answer.body

        found = await self._with_token(call)
        if len(found) > LARGEST_MEDIA:
            raise SendError("too_large", REJECTED)
        return found

    def parse_callback(self, request: CallbackRequest) -> Received:
        """Verify and read: the platform checking our address, or something that a follower did."""
        if self._callbacks is None:
            raise CallbackRejected("not_configured", 404)
        return self._callbacks.parse(request)

    def _url(self, path: str, **query: str) -> URL:
        return URL(f"{self.base}/cgi-bin/{path}").with_query(query)

    async def _with_token(self, call: Callable[[str], Awaitable[Answer]]) -> Answer:
        if not (self._app_id and self._secret):
            words = "WARDEN_WECHAT_OFFICIAL_APP_ID and WARDEN_WECHAT_OFFICIAL_APP_SECRET are not set"
            raise SendError("bad_credentials", DENIED, platform_words=words, asked=False)
        # All processes share one token: each new one of the usual kind ends the one before.
        name = token_name(self.kind, self._app_id, self._secret)
        try:
            return await with_token(self._around.tokens, name, self._fetch_token, call)
        except SendError as error:
            error.platform_words = WORDS.get(error.platform_code, error.platform_words)
            raise

    async def _fetch_token(self) -> FreshToken:
        asking = {"grant_type": "client_credential", "appid": self._app_id, "secret": self._secret}
        http, clock = self._around.http, self._around.clock
        if self.setting("STABLE_TOKEN") == "1":  # from general knowledge, not re-checked; so it is not the default
            return await fetch_access_token(
                http, self._url("stable_token"), ERRORS, clock, asking | {"force_refresh": False}
            )
        return await fetch_access_token(http, self._url("token", **asking), ERRORS, clock)
