"""WeCom's notices of a school to parents (家校沟通·学校通知), by class: what reaches their own WeChat. Send only.

https://developer.work.weixin.qq.com/document/path/92321 (sending), 92291 (who may be written to), 91039 (tokens). One
request goes to up to 100 classes. The platform answers HTTP 200 even when it refuses, and `errcode` 0 with the classes
that got nothing in `invalid_party`. Not known: a limit of its own for this call, and any way to take a notice back.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, ClassVar

from warden_bot.channels.base import Capabilities, Channel, ChannelSetting, SendReceipt, Surroundings
from warden_bot.channels.company import COMPANY_ERRORS, COMPANY_REASONS, COMPANY_SETTINGS, agent_of, company_api
from warden_bot.channels.errcodes import Errors
from warden_bot.channels.marks import mark, room_for_mark
from warden_bot.channels.meanings import BAD_REQUEST, ROUTE_BROKEN
from warden_bot.domain.message import OutboundMessage
from warden_bot.domain.splitting import split_text
from warden_bot.errors import OutcomeUnknown, SendError
from warden_bot.states import AttemptOutcome, ChannelKind

# Every notice ends in a mark of its broadcast, which a resend keeps and which all its classes share: see `marks`.
MARK = "通知"
LONGEST_TEXT = 2048 - room_for_mark(MARK)  # bytes of `text.content` in UTF-8; what is longer is cut without a word
MOST_PARTIES = 100
KEY_LASTS = timedelta(hours=4)  # the longest `duplicate_check_interval`
TO_PARENTS = 0  # `recv_scope`; 1 would be the pupils, 2 both
PARTY = re.compile(r"[1-9][0-9]{0,9}")

REJECTED = AttemptOutcome.REJECTED
ERRORS: Errors = {
    **COMPANY_ERRORS,
    82002: BAD_REQUEST,  # more than 100 classes
    **dict.fromkeys((60003, 60123), ROUTE_BROKEN),  # no such department; from general knowledge, not re-checked
    **dict.fromkeys((84061, 84074), ROUTE_BROKEN),  # no relation to the parents, or no permission for them
}
NOT_ALLOWED = "家校沟通没有开通，或应用不在“家长可使用的应用”里"
NOT_REACHED = "班级编号不存在，或不在应用的可用范围里"
REASONS = {**COMPANY_REASONS, "48002": NOT_ALLOWED, "301002": NOT_ALLOWED}


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
        *COMPANY_SETTINGS,
        ChannelSetting("TOKEN", "kept for changes of the school's directory; not used yet", secret=True),
        ChannelSetting("AES_KEY", "kept for changes of the school's directory; not used yet", secret=True),
    )

    def __init__(self, values: Mapping[str, str], around: Surroundings) -> None:
        super().__init__(values, around)
        self._api = company_api(self, around, ERRORS, REASONS)

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
            "agentid": agent_of(self),
            "duplicate_check_interval": int(KEY_LASTS.total_seconds()),
            "enable_duplicate_check": 1,
            "msgtype": "text",
            "recv_scope": TO_PARENTS,
            "text": {"content": part + mark(MARK, key_of(messages, number))},
            "to_party": sorted({one.recipient.address for one in messages}, key=lambda party: (len(party), party)),
        }
        refused = _refused_parties(await self._api.post("externalcontact/message/send", body))
        return [_result(one.recipient.address in refused) for one in messages]

    async def probe(self, address: str, secret: str) -> None:  # noqa: ARG002 -- the contract's signature
        """Look the class up in the school's directory, which nobody sees."""
        found = (await self._api.get("school/department/list", id=address)).get("departments")
        departments = found if isinstance(found, list) else []
        if address not in {str(one.get("id")) for one in departments if isinstance(one, dict)}:
            raise SendError("route_broken", REJECTED, platform_words=NOT_REACHED)

    async def check(self) -> str:
        """Ask whom the app may write to: this needs the right school, secret and app, and a server that may call."""
        answer = await self._api.get("school/agent/get_allow_scope", agentid=str(agent_of(self)))
        scope = answer.get("allow_scope")
        departments = scope.get("departments") if isinstance(scope, dict) else None
        parties = departments.get("partyid") if isinstance(departments, dict) else None
        return f"家长可使用的应用：可用范围里有 {len(parties) if isinstance(parties, list) else 0} 个部门"


def key_of(messages: Sequence[OutboundMessage], number: int) -> str:
    """Return what the mark stands for: the same for all classes of one broadcast, another for each of its parts.

    The key of a delivery is that of its broadcast, "-", and its group; one that was made alone has no "-".
    """
    broadcasts = sorted({one.key.rpartition("-")[0] or one.key for one in messages})
    return f"{' '.join(broadcasts)}.{number}"


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
