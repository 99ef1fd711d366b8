"""The API of a DingTalk app and its robot: groups, persons, recall, media.

https://open.dingtalk.com/document/orgapp/the-robot-sends-a-group-message and its neighbours.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from warden_bot.channels.base import SendReceipt, Surroundings
from warden_bot.channels.dingtalk.answers import THROTTLE_WAIT, read_app_answer, tidy
from warden_bot.channels.tokens import fetch_token, token_name, with_token
from warden_bot.domain.token import FreshToken
from warden_bot.errors import OutcomeUnknown, SendError
from warden_bot.states import AttemptOutcome, ChannelKind

TOKEN_HEADER = "x-acs-dingtalk-access-token"  # noqa: S105 -- a name
TOKEN_PATH = "/v1.0/oauth2/accessToken"  # noqa: S105 -- a path
TOKEN_NAMES = ("accessToken", "expireIn")
ROBOT_PATH = "/v1.0/robot/"

Document = dict[str, object]


@dataclass(frozen=True, slots=True)
class App:
    """One app and its robot."""

    around: Surroundings
    base: str
    key: str
    secret: str = field(repr=False)
    robot_code: str
    require_settings: Callable[[], None]

    @property
    def is_set_up(self) -> bool:
        """Say whether there is an app; custom robots need none."""
        return bool(self.key and self.secret)

    async def send_to_group(self, conversation_id: str, text: str) -> SendReceipt:
        """Send a text to a group that the robot is in."""
        answer = await self._ask("groupMessages/send", {"openConversationId": conversation_id, **_words(text)})
        return _receipt(answer)

    async def send_to_person(self, staff_id: str, text: str) -> SendReceipt:
        """Send a text to one person; that the call succeeded does not mean that this one was written to."""
        answer = await self._ask("oToMessages/batchSend", {"userIds": [staff_id], **_words(text)})
        if answer.get("flowControlledStaffIdList"):  # nobody documents how long a person is not written to
            raise SendError("throttled", AttemptOutcome.THROTTLED, retry_after=THROTTLE_WAIT)
        for refused in ("invalidStaffIdList", "filteredStaffIdList"):
            if answer.get(refused):
                raise SendError("route_broken", AttemptOutcome.REJECTED, platform_code=refused)
        return _receipt(answer)

    async def recall(self, conversation_id: str, external_id: str) -> None:
        """Take back what was said in a group."""
        document: Document = {"openConversationId": conversation_id, "processQueryKeys": [external_id]}
        answer = await self._ask("groupMessages/recall", document)
        done, failed = answer.get("successResult"), answer.get("failedResult")
        if isinstance(failed, dict) and external_id in failed:
            words = tidy(failed[external_id])
            raise SendError("cannot_recall", AttemptOutcome.REJECTED, platform_words=words)
        if not isinstance(done, list) or external_id not in done:
            raise OutcomeUnknown("unexpected_answer", "the answer does not name the message")

    async def require_membership(self, conversation_id: str) -> None:
        """Return when our robot is among a group's robots. Raise SendError `route_broken` where it is not."""
        try:
            answer = await self._ask("groups/robots/query", {"openConversationId": conversation_id})
        except SendError as error:
            if "PermissionDenied" in error.platform_code:  # this call needs a permission that sending does not
                raise error.restated("cannot_probe", AttemptOutcome.REJECTED) from None
            raise
        robots = answer.get("chatbotInstanceVOList")
        if not isinstance(robots, list):
            raise OutcomeUnknown("unexpected_answer", "the answer has no list of robots")
        if self.robot_code not in [one.get("robotCode") for one in robots if isinstance(one, dict)]:
            words = "our robot is not among the group's"
            raise SendError("route_broken", AttemptOutcome.REJECTED, platform_words=words)

    async def media_place(self, download_code: str) -> str:
        """Return the address from which a picture or file that came in can be fetched."""
        answer = await self._ask("messageFiles/download", {"downloadCode": download_code})
        place = answer.get("downloadUrl")
        if not isinstance(place, str) or not place:
            raise OutcomeUnknown("unexpected_answer", "the answer has no downloadUrl")
        return place

    async def fetch_token(self) -> FreshToken:
        """Fetch an access token. Raise SendError; nothing of a message was sent, whatever happened here."""
        return await fetch_token(self._asked_for_token(), TOKEN_NAMES, self.around.clock)

    async def _asked_for_token(self) -> Document:
        document = {"appKey": self.key, "appSecret": self.secret}
        return read_app_answer(await self.around.http.exchange("POST", self.base + TOKEN_PATH, document))

    async def _ask(self, call: str, document: Document) -> Document:
        """Make a call of the robot; a token that is refused is renewed once."""
        self.require_settings()
        url = self.base + ROBOT_PATH + call
        body = document if call == "groups/robots/query" else {"robotCode": self.robot_code, **document}

        async def ask(token: str) -> Document:
            return read_app_answer(await self.around.http.exchange("POST", url, body, {TOKEN_HEADER: token}))

        name = token_name(ChannelKind.DINGTALK, self.key, self.secret)
        return await with_token(self.around.tokens, name, self.fetch_token, ask)


def _words(text: str) -> Document:
    """Return a text as app robots want it: its parameters are JSON inside the JSON."""
    return {"msgKey": "sampleText", "msgParam": json.dumps({"content": text}, ensure_ascii=False)}


def _receipt(answer: Document) -> SendReceipt:
    key = answer.get("processQueryKey")
    if not isinstance(key, str) or not key:
        raise OutcomeUnknown("unexpected_answer", "the answer has no processQueryKey")
    return SendReceipt(key if re.fullmatch(r"\S+", key) else "")
