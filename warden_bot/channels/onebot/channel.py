"""OneBot v11 over HTTP: an unofficial QQ client. For trying things out only; docs/channels/onebot.md says why.

https://github.com/botuniverse/onebot-11: communication/http.md, api/public.md; what comes in is read in `events`. A
client answers HTTP 200 with `status` and `retcode`; only ok and async are accepted. No request can be repeated safely.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, ClassVar

from warden_bot.channels.base import (
    CallbackAnswer,
    CallbackRequest,
    Capabilities,
    Channel,
    ChannelSetting,
    Received,
    Reply,
    SendReceipt,
    Surroundings,
)
from warden_bot.channels.http import plain_words
from warden_bot.channels.meanings import (
    BAD_CREDENTIALS,
    BAD_REQUEST,
    BUSY,
    CANNOT_RECALL,
    NO_ANSWER,
    ROUTE_BROKEN,
    Meaning,
)
from warden_bot.channels.onebot.events import PERSON, Events
from warden_bot.channels.places import fetch_from, origin_of, read_hosts
from warden_bot.channels.rules import SECONDS
from warden_bot.domain.message import Media, OutboundMessage
from warden_bot.domain.pacing import ThrottleRule
from warden_bot.domain.splitting import split_text
from warden_bot.errors import OutcomeUnknown, SendError
from warden_bot.states import AttemptOutcome, ChannelKind

LONGEST_TEXT = 4500  # bytes of one text in UTF-8; our own choice: the specification has no limit
SPACING = timedelta(milliseconds=500)  # as the specification's `_rate_limited` actions keep it, against bans
MEDIA_HOSTS = "qq.com,qpic.cn,multimedia.nt.qq.com.cn"  # unsure: where clients were seen to say that pictures lie
ADDRESS = re.compile(rf"(?:{PERSON})?[1-9][0-9]{{4,14}}")
MESSAGE_ID = re.compile(r"-?[0-9]{1,19}")
LONG_NUMBER = re.compile(r"[0-9]{5,}")  # somebody's QQ number, or the group's, in a client's own words

REJECTED = AttemptOutcome.REJECTED
ACCEPTED, ACCEPTED_CODES = ("ok", "async"), (0, 1)  # `async`: taken, and nobody says what became of it
# Unsure: every client has codes of its own. The last four are the specification's, for its WebSocket side (from memory).
ERRORS: Mapping[int, Meaning] = {
    **dict.fromkeys(range(100, 200), BAD_REQUEST),  # parameters; of old clients anything, so the words are read first
    1200: NO_ANSWER,  # NapCat waited for QQ in vain; such messages were seen to arrive, and not to
    1400: BAD_REQUEST,
    1401: BAD_CREDENTIALS,
    1403: BAD_CREDENTIALS,
    1404: BAD_REQUEST,
}
# What is in neither table is tried again, for many are QQ's passing moods; how often, the outbox decides: it counts the
# tries, and after the last one a person has to look.
UNKNOWN_ERROR = BUSY
# Unsure: words of `message`, `wording` and `msg` as users of the clients have reported them, looked at in this order.
ERROR_WORDS: Mapping[str, Meaning] = {
    r"GROUP_NOT_FOUND|群聊?不存在|被移出该?群|不在该?群": ROUTE_BROKEN,  # go-cqhttp; QQ's own sentence
    r'"result": ?110\b': ROUTE_BROKEN,  # NapCat, before that sentence
    r"SEND_MSG_API_ERROR|EventChecker Failed": BUSY,  # go-cqhttp, NapCat: QQ did not take it, often for fear of a robot
    r"\bTimeout\b": NO_ANSWER,  # NapCat, with various codes
}

GROUP = Capabilities(
    longest_part=LONGEST_TEXT,
    most_parts=2,
    pace=(ThrottleRule("channel", burst=1, interval=SPACING),),
    receives=True,
    recalls_within=timedelta(minutes=2),  # unsure: QQ's own limit for who is no administrator of the group
    probes=True,
    reaches_people=True,
)
SOMEBODY = replace(GROUP, probes=False)  # whether a person lets the bot write shows only when it does


class OneBot(Channel):
    """Sends plain text through an unofficial QQ client, and hears every message of its groups."""

    kind: ClassVar[ChannelKind] = ChannelKind.ONEBOT
    capabilities: ClassVar[Capabilities] = GROUP
    settings: ClassVar[tuple[ChannelSetting, ...]] = (
        ChannelSetting("API_BASE", "where the client's HTTP server stands", needed=True),
        ChannelSetting("ACCESS_TOKEN", "the client's access token", secret=True),
        ChannelSetting("SECRET", "signs what the client reports; without it nothing is received", secret=True),
        ChannelSetting("CALLBACK_SECONDS", "how old a reported event may be", "3600", rule=SECONDS),
        ChannelSetting("MEDIA_HOSTS", "comma list of the hosts that pictures and files are fetched from", MEDIA_HOSTS),
    )

    def __init__(self, values: Mapping[str, str], around: Surroundings) -> None:
        super().__init__(values, around)
        self._media_hosts = read_hosts(self.setting("MEDIA_HOSTS")) + origin_of(self.base)
        self._events = Events(self.setting("SECRET"), self.window, self._media_hosts)

    def address_fault(self, address: str) -> str | None:
        """Accept a group's number, or a person's behind `user:`."""
        return None if ADDRESS.fullmatch(address) else "地址填 QQ 群号（只有数字）；个人填 user: 加 QQ 号"

    def abilities(self, address: str) -> Capabilities:
        """Return what can be done: a person's address cannot be checked."""
        return SOMEBODY if address.startswith(PERSON) else GROUP

    def parts(self, message: OutboundMessage) -> list[str]:
        """Cut the text at lines and graphemes."""
        return split_text(message.plain, LONGEST_TEXT)

    async def send(self, message: OutboundMessage, part: str, number: int) -> SendReceipt:  # noqa: ARG002 -- the contract's signature
        """Post one text as a segment, in which nothing is read as a CQ code."""
        address = message.recipient.address
        text = [{"type": "text", "data": {"text": part}}]
        if address.startswith(PERSON):
            found = await self._call("send_private_msg", {"user_id": _number(address), "message": text})
        else:
            found = await self._call("send_group_msg", {"group_id": _number(address), "message": text})
        external_id = str(found.get("message_id", ""))
        return SendReceipt(external_id if MESSAGE_ID.fullmatch(external_id) else "")

    async def recall(self, address: str, external_id: str) -> None:  # noqa: ARG002 -- the contract's signature
        """Take back one message. What is refused for good is too old, or gone already."""
        if not MESSAGE_ID.fullmatch(external_id):
            raise SendError("cannot_recall", REJECTED, asked=False)
        try:
            await self._call("delete_msg", {"message_id": int(external_id)})
        except SendError as error:
            if error.outcome is REJECTED:
                raise error.restated(*CANNOT_RECALL) from None
            raise

    async def probe(self, address: str, secret: str) -> None:
        """Ask the client for a group; nobody sees it."""
        if address.startswith(PERSON):
            await super().probe(address, secret)
        found = await self._call("get_group_info", {"group_id": _number(address), "no_cache": True})
        if found.get("member_count") == 0:  # go-cqhttp's documents: so it shows a group that the account is not in
            raise SendError("route_broken", REJECTED, platform_words="not a member of the group")

    async def check(self) -> str:
        """Ask who is signed in, and whether QQ is reached."""
        account = await self._call("get_login_info", {})
        status = await self._call("get_status", {})
        if status.get("online") is False or status.get("good") is False:
            words = "the client is not signed in to QQ"
            raise SendError("unreachable", AttemptOutcome.RETRYABLE, platform_words=words)
        return plain_words(str(account.get("nickname", "")))

    def parse_callback(self, request: CallbackRequest) -> Received:
        """Check signature and time, then read the event. Replies leave through the outbox, never in the answer."""
        message = self._events.read(request)
        return Received(() if message is None else (message,), _no_content)

    async def fetch_media(self, media: Media) -> bytes:
        """Fetch a picture or file from a known host; one that is only known by its name is not fetched."""
        return await fetch_from(self._around.http, media.place, self._media_hosts)

    async def _call(self, action: str, parameters: Mapping[str, object]) -> dict[str, Any]:
        """Call an action and return its data. Raise SendError where the client refuses."""
        self.require_settings("API_BASE")
        token = self.setting("ACCESS_TOKEN")
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        answer = await self._around.http.exchange("POST", f"{self.base}/{action}", parameters, headers)
        answer.require_success(missing=BAD_REQUEST)  # an action that the client does not have
        return read_answer(answer.document())


def read_answer(answer: dict[str, Any]) -> dict[str, Any]:
    """Return the data of an accepted action; raise what its refusal means."""
    status, retcode = answer.get("status"), answer.get("retcode")
    if not isinstance(status, str) or not isinstance(retcode, int) or isinstance(retcode, bool):
        raise OutcomeUnknown("unexpected_answer", "the answer has no status and retcode")
    if status in ACCEPTED and retcode in ACCEPTED_CODES:
        found = answer.get("data")
        return found if isinstance(found, dict) else {}
    if status != "failed":
        raise OutcomeUnknown("unexpected_answer", "status and retcode do not agree")
    said = " ".join(str(answer[name]) for name in ("message", "wording", "msg") if answer.get(name))
    by_words = (meaning for words, meaning in ERROR_WORDS.items() if re.search(words, said))
    code, outcome, _ = next(by_words, ERRORS.get(retcode, UNKNOWN_ERROR))
    # The numbers are people's and groups'; the result that NapCat quotes is shorter.
    words = plain_words(LONG_NUMBER.sub("…", said))
    if outcome is AttemptOutcome.UNKNOWN:
        raise OutcomeUnknown(code, words)
    raise SendError(code, outcome, platform_code=str(retcode), platform_words=words)


def _number(address: str) -> int:
    """Return the number in an address. Raise SendError for what is none: an anonymous sender, say."""
    if not ADDRESS.fullmatch(address):
        raise SendError("route_broken", REJECTED, platform_words="no QQ number", asked=False)
    return int(address.removeprefix(PERSON))


def _no_content(_reply: Reply | None) -> CallbackAnswer:
    """Answer without a quick operation."""
    return CallbackAnswer(status=204)
