"""WeCom's notices of a school to parents (家校沟通·学校通知), by class: what reaches their own WeChat. Send only.

https://developer.work.weixin.qq.com/document/path/92321 (sending), 92291 (who may be written to), 91039 (tokens). One
request goes to up to 100 classes. The platform answers HTTP 200 even when it refuses, and `errcode` 0 with the classes
that got nothing in `invalid_party`. Not known: a limit of its own for this call, and any way to take a notice back.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, ClassVar

from yarl import URL

from warden_bot.channels.base import Capabilities, Channel, ChannelSetting, SendReceipt, Surroundings
from warden_bot.channels.errcodes import Errors, fetch_access_token, read_errcode
from warden_bot.channels.tokens import REFUSED_TOKEN, token_name, with_token
from warden_bot.domain.message import OutboundMessage
from warden_bot.domain.splitting import split_text
from warden_bot.domain.token import FreshToken
from warden_bot.errors import OutcomeUnknown, SendError, SettingsError
from warden_bot.states import AttemptOutcome, ChannelKind

API_BASE = "https://qyapi.weixin.qq.com"
LONGEST_CONTENT = 2048  # bytes of `text.content` in UTF-8; what is longer the platform cuts without a word
MOST_PARTIES = 100
KEY_LASTS = timedelta(hours=4)  # the longest `duplicate_check_interval`
TO_PARENTS = 0  # `recv_scope`; 1 would be the pupils, 2 both
PARTY = re.compile(r"[1-9][0-9]{0,9}")
THROTTLE_WAIT = timedelta(seconds=60)  # the base limits are counted by the minute
CONCURRENCY_WAIT = timedelta(seconds=2)

# The platform swallows a request whose JSON it has seen within four hours. That makes a resend harmless, but it would
# swallow a second warning in the same words too: so every notice ends in a mark of its broadcast, which a resend keeps
# and which all its classes share. Letters only: digits under a police text get dialled.
MARK = "\n〔通知 {}〕"
MARK_LENGTH = 6  # two broadcasts of one text to the same classes within four hours share a mark once in 16^6
MARK_LETTERS = str.maketrans("0123456789", "ghjkmnpqrs")
LONGEST_TEXT = LONGEST_CONTENT - len(MARK.format("x" * MARK_LENGTH).encode())

DENIED, REJECTED, THROTTLED = AttemptOutcome.DENIED, AttemptOutcome.REJECTED, AttemptOutcome.THROTTLED
WRONG, NO_ACCESS = ("bad_request", REJECTED, None), ("bad_credentials", DENIED, None)
BROKEN, OLD_TOKEN = ("route_broken", REJECTED, None), (REFUSED_TOKEN, DENIED, None)
ERRORS: Errors = {
    -1: ("busy", AttemptOutcome.RETRYABLE, None),
    **dict.fromkeys((40001, 40014, 42001), OLD_TOKEN),  # 40001, where the token is asked for: wrong secret
    **dict.fromkeys((40013, 40056), NO_ACCESS),  # wrong CORP_ID; wrong AGENT_ID
    **dict.fromkeys((40058, 41001, 44004, 82002), WRONG),  # a parameter; no token; empty; more than 100 classes
    45002: ("text_too_long", REJECTED, None),
    45009: ("throttled", THROTTLED, THROTTLE_WAIT),
    45033: ("throttled", THROTTLED, CONCURRENCY_WAIT),
    **dict.fromkeys((48002, 301002), NO_ACCESS),  # the interface, or the app, is not permitted
    60020: NO_ACCESS,  # the app's list of trusted IPs does not have ours
    **dict.fromkeys(
        (60011, 60111, 81013, 82001), BROKEN
    ),  # the class is unknown, or out of the app's range; none is left
    **dict.fromkeys((60003, 60123), BROKEN),  # no such department; from general knowledge, not re-checked
    **dict.fromkeys((84061, 84074), BROKEN),  # no relation to the parents, or no permission for them
}
NOT_ALLOWED = "家校沟通没有开通，或应用不在“家长可使用的应用”里"
WORDS = {  # for whoever has to mend it; the platform's own words say less
    "40001": "SECRET 不对",
    "40013": "CORP_ID 不对",
    "40056": "AGENT_ID 不对",
    "48002": NOT_ALLOWED,
    "60020": "这台服务器的 IP 不在应用的可信 IP 名单里",
    "301002": NOT_ALLOWED,
}
NOT_REACHED = "班级编号不存在，或不在应用的可用范围里"


class WecomSchool(Channel):
    """Sends one text to the parents of up to 100 classes at once."""

    kind: ClassVar[ChannelKind] = ChannelKind.WECOM_SCHOOL
    capabilities: ClassVar[Capabilities] = Capabilities(
        longest_part=LONGEST_TEXT,
        most_parts=4,
        takes_key=True,
        key_lasts=KEY_LASTS,
        together=MOST_PARTIES,
        probes=True,
    )
    settings: ClassVar[tuple[ChannelSetting, ...]] = (
        ChannelSetting("API_BASE", "where the platform stands", API_BASE),
        ChannelSetting("CORP_ID", "the school's id (企业ID)", needed=True),
        ChannelSetting("AGENT_ID", "the app's number (AgentId)", needed=True),
        ChannelSetting("SECRET", "the app's secret", secret=True, needed=True),
        ChannelSetting("TOKEN", "kept for changes of the school's directory; not used yet", secret=True),
        ChannelSetting("AES_KEY", "kept for changes of the school's directory; not used yet", secret=True),
    )

    def __init__(self, values: Mapping[str, str], around: Surroundings) -> None:
        super().__init__(values, around)
        if not re.fullmatch(r"[0-9]{0,10}", self.setting("AGENT_ID")):
            raise SettingsError(["WARDEN_WECOM_SCHOOL_AGENT_ID must be a number such as 1000002"])
        self._corp, self._agent = self.setting("CORP_ID"), int(self.setting("AGENT_ID") or "0")

    def address_fault(self, address: str) -> str | None:
        """Accept the number of one class."""
        if PARTY.fullmatch(address):
            return None
        return "地址要是家校通讯录里这个班的部门编号：一个数字，最多 10 位，例如 101"

    def parts(self, message: OutboundMessage) -> list[str]:
        """Cut the text at lines and graphemes into parts that leave room for the mark."""
        return split_text(message.plain, LONGEST_TEXT)

    async def send(self, message: OutboundMessage, part: str, number: int) -> SendReceipt:
        """Send one notice to the parents of one class."""
        (result,) = await self.send_together([message], part, number)
        if isinstance(result, SendError):
            raise result
        return result

    async def send_together(
        self, messages: Sequence[OutboundMessage], part: str, number: int
    ) -> Sequence[SendError | SendReceipt]:
        """Send one notice to many classes. The same classes, in whatever order, make the same request again."""
        if len(part.encode()) > LONGEST_TEXT:  # the platform would cut off the end, where the telephone number stands
            raise SendError("text_too_long", REJECTED, asked=False)
        body = {
            "agentid": self._agent,
            "duplicate_check_interval": int(KEY_LASTS.total_seconds()),
            "enable_duplicate_check": 1,
            "msgtype": "text",
            "recv_scope": TO_PARENTS,
            "text": {"content": part + mark_of(messages, number)},
            "to_party": sorted({one.recipient.address for one in messages}, key=lambda party: (len(party), party)),
        }
        refused = _refused_parties(await self._ask("externalcontact/message/send", body))
        return [_result(one.recipient.address in refused) for one in messages]

    async def probe(self, address: str, secret: str) -> None:  # noqa: ARG002 -- the contract's signature
        """Look the class up in the school's directory, which nobody sees."""
        found = (await self._ask("school/department/list", id=address)).get("departments")
        departments = found if isinstance(found, list) else []
        if address not in {str(one.get("id")) for one in departments if isinstance(one, dict)}:
            raise SendError("route_broken", REJECTED, platform_words=NOT_REACHED)

    async def check(self) -> str:
        """Ask whom the app may write to: this needs the right school, secret and app, and a server that may call."""
        answer = await self._ask("school/agent/get_allow_scope", agentid=str(self._agent))
        scope = answer.get("allow_scope")
        departments = scope.get("departments") if isinstance(scope, dict) else None
        parties = departments.get("partyid") if isinstance(departments, dict) else None
        return f"家长可使用的应用：可用范围里有 {len(parties) if isinstance(parties, list) else 0} 个部门"

    async def _ask(self, path: str, document: dict[str, Any] | None = None, **query: str) -> dict[str, Any]:
        """Call an API that answers JSON; POST where there is a document. Raise SendError for a refusal."""
        if missing := self.lacks():
            words = " ".join(f"WARDEN_WECOM_SCHOOL_{name}" for name in missing) + " not set"
            raise SendError("bad_credentials", DENIED, platform_words=words, asked=False)

        async def call(token: str) -> dict[str, Any]:
            url = URL(f"{self.base}/cgi-bin/{path}").with_query({"access_token": token, **query})
            if document is not None:
                found = await self._around.http.post_json(url, _as_bytes(document))
            else:
                answer = await self._around.http.exchange("GET", url)
                answer.require_success()
                found = answer.document()
            read_errcode(found, ERRORS)
            return found

        name = token_name(self.kind, f"{self._corp}:{self._agent}", self.setting("SECRET"))
        try:
            return await with_token(self._around.tokens, name, self._fetch_token, call)
        except SendError as error:
            error.platform_words = WORDS.get(error.platform_code, error.platform_words)
            raise

    async def _fetch_token(self) -> FreshToken:
        query = {"corpid": self._corp, "corpsecret": self.setting("SECRET")}
        url = URL(f"{self.base}/cgi-bin/gettoken").with_query(query)
        return await fetch_access_token(self._around.http, url, ERRORS, self._around.clock)


def mark_of(messages: Sequence[OutboundMessage], number: int) -> str:
    """Return the last line of a notice: the same for all classes of one broadcast, another for each of its parts.

    The key of a delivery is that of its broadcast, "-", and its group; one that was made alone has no "-".
    """
    broadcasts = sorted({one.key.rpartition("-")[0] or one.key for one in messages})
    digest = hashlib.sha256(f"{' '.join(broadcasts)}.{number}".encode()).hexdigest()
    return MARK.format(digest[:MARK_LENGTH].translate(MARK_LETTERS))


def _as_bytes(document: dict[str, Any]) -> bytes:
    """Write JSON in one way only: the duplicate check compares the whole of it."""
    return json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def _refused_parties(answer: dict[str, Any]) -> frozenset[str]:
    """Return the classes that got nothing. Some of the platform's interfaces join such a list with "|"."""
    found = answer.get("invalid_party") or []
    parties = found.split("|") if isinstance(found, str) else found
    if not isinstance(parties, list):
        raise OutcomeUnknown("unexpected_answer", "invalid_party is no list")
    return frozenset(str(party) for party in parties)


def _result(refused: bool) -> SendError | SendReceipt:
    if not refused:
        return SendReceipt()
    return SendError("route_broken", REJECTED, platform_code="invalid_party", platform_words=NOT_REACHED)
