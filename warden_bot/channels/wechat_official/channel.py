"""WeChat Official Account (公众号): private chats with whoever follows it, in their own WeChat. No groups.

https://developers.weixin.qq.com/doc/offiaccount/Message_Management/Service_Center_messages.html (sending); what comes
in is read in `callback`. An account may not write first: a customer service message goes out only for a while after the
follower did something. How long and how often only third parties say (5 in 48 hours after a message, 3 in a minute after
a click), so nothing here counts: the platform's own codes decide. The platform answers HTTP 200 even when it refuses. There is no message id, no recall and no way to send twice safely.
"""

from collections.abc import Mapping
from datetime import timedelta
from functools import partial
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
from warden_bot.channels.envelope import Envelope
from warden_bot.channels.errcodes import THROTTLE_WAIT, TOKEN_ERRORS, Errors
from warden_bot.channels.meanings import (
    BAD_CREDENTIALS,
    BAD_REQUEST,
    CONTENT_REFUSED,
    NO_MEDIA,
    OUTSIDE_WINDOW,
    ROUTE_BROKEN,
    throttled,
)
from warden_bot.channels.replays import Replays
from warden_bot.channels.rules import AES_KEY, SECONDS, SWITCH
from warden_bot.channels.token_api import TokenApi, TokenQuestion
from warden_bot.channels.tokens import token_name
from warden_bot.channels.wechat_official.callback import OPENID, Callbacks
from warden_bot.domain.message import Media, OutboundMessage
from warden_bot.domain.splitting import split_text
from warden_bot.errors import CallbackRejected, SendError
from warden_bot.states import AttemptOutcome, ChannelKind

API_BASE = "https://api.weixin.qq.com"
LONGEST_TEXT = 2048  # bytes of `text.content` in UTF-8; from general knowledge, not re-checked
NOT_FOLLOWING = 0  # `subscribe` of user/info
QUOTA_WAIT = timedelta(hours=1)  # a day's quota; looked at again every hour

ERRORS: Errors = {
    **TOKEN_ERRORS,
    40003: ROUTE_BROKEN,  # not an openid of this account
    40007: NO_MEDIA,  # older than three days; from general knowledge, not re-checked
    40125: BAD_CREDENTIALS,  # APP_SECRET; from general knowledge, not re-checked
    40164: BAD_CREDENTIALS,  # the account's list of IPs does not have ours; from general knowledge, not re-checked
    **dict.fromkeys((40008, 47001, 47003), BAD_REQUEST),
    43004: ROUTE_BROKEN,  # does not follow, or no longer
    **dict.fromkeys((43019, 43101), ROUTE_BROKEN),  # on the account's black list; refuses its messages
    45009: throttled(QUOTA_WAIT),
    45011: throttled(THROTTLE_WAIT),
    **dict.fromkeys((45015, 45047), OUTSIDE_WINDOW),  # too long ago; too many since
    48001: BAD_CREDENTIALS,
    48002: ROUTE_BROKEN,  # the follower switched messages off; from general knowledge, not re-checked
    48004: BAD_CREDENTIALS,  # the interface is banned; from general knowledge, not re-checked
    87014: CONTENT_REFUSED,  # unsure: known of the interface that checks texts
}
REASONS = {  # for whoever has to mend it; the platform's own words say less
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
        ChannelSetting(
            "AES_KEY",
            "opens callbacks (EncodingAESKey); empty: plain mode, which is weaker",
            secret=True,
            rule=AES_KEY,
        ),
        ChannelSetting("CALLBACK_SECONDS", "how old a callback may be", "300", rule=SECONDS),
        ChannelSetting(
            "STABLE_TOKEN", "1: tokens that other programs with this account do not push out", "0", rule=SWITCH
        ),
    )

    def __init__(self, values: Mapping[str, str], around: Surroundings) -> None:
        super().__init__(values, around)
        require_settings = partial(self.require_settings, "APP_ID", "APP_SECRET")
        self._api = TokenApi(around, f"{self.base}/cgi-bin", self._question(), ERRORS, REASONS, require_settings)
        token, aes_key = self.setting("TOKEN"), self.setting("AES_KEY")
        envelope = Envelope(token, aes_key, self.setting("APP_ID")) if aes_key else None
        replays = Replays(self.window)
        self._callbacks = Callbacks(token, envelope, self.window, replays, around.clock) if token else None

    def _question(self) -> TokenQuestion:
        app_id, secret = self.setting("APP_ID"), self.setting("APP_SECRET")
        # All processes share one token: each new one of the usual kind ends the one before.
        name = token_name(self.kind, app_id, secret)
        asking = {"grant_type": "client_credential", "appid": app_id, "secret": secret}
        if self.setting("STABLE_TOKEN") == "1":  # from general knowledge, not re-checked; so it is not the default
            return TokenQuestion(name, "stable_token", {}, asking | {"force_refresh": False})
        return TokenQuestion(name, "token", asking)

    def faults(self) -> list[str]:
        """Want the account's id beside an AES key."""
        alone = self.setting("AES_KEY") and not self.setting("APP_ID")
        words = f"{self.variable('AES_KEY')} needs {self.variable('APP_ID')}: what comes in is sealed for that account"
        return [*super().faults(), *([words] if alone else [])]

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
        await self._api.post("message/custom/send", body)
        return SendReceipt()

    async def probe(self, address: str, secret: str) -> None:  # noqa: ARG002 -- the contract's signature
        """Ask whether somebody still follows the account, which nobody sees. From general knowledge, not re-checked."""
        follower = await self._api.get("user/info", says_ok=False, openid=address)
        if follower.get("subscribe") == NOT_FOLLOWING:
            words = REASONS["43004"]
            raise SendError("route_broken", AttemptOutcome.REJECTED, platform_code="subscribe 0", platform_words=words)

    async def check(self) -> str:
        """Get a token, the one that is in use where there is one: a new one would push it out."""
        await self._api.token()
        return "access_token"

    def parse_callback(self, request: CallbackRequest) -> Received:
        """Verify and read: the platform checking our address, or something that a follower did."""
        if self._callbacks is None:
            raise CallbackRejected("not_configured", 404)
        return self._callbacks.read(request)

    async def fetch_media(self, media: Media) -> bytes:
        """Fetch a picture or voice by its id, within three days. Videos are not: the platform only names a place for them."""
        return await self._api.file("media/get", elsewhere="video_url", media_id=media.place)
