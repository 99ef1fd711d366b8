"""A fake WeCom that sends notices of a school, and the stage of the kind.

https://developer.work.weixin.qq.com/document/path/92321 (sending), 91039 (tokens), 90313 (codes).
"""

import json
from collections.abc import Sequence
from typing import Any, ClassVar

from aiohttp import web

from tests.answers import fresh
from tests.conformance import BETWEEN, Fault, Faults, Stage
from tests.fake_wecom import refused, token_for, token_objection
from warden_bot.channels.wecom_school import WecomSchool
from warden_bot.states import ChannelKind

CORP_ID, AGENT_ID, SECRET = "wwa1b2c3d4e5f60708", 1000002, "a secret of the school's app"
LONGEST_TEXT, MOST_PARTIES, LONGEST_INTERVAL = 2048, 100, 14_400
CLASSES = range(101, 469)  # 368 of them, below one school
OUT_OF_RANGE = 469  # in the directory, and not in the app's range


class FakeSchool:
    """`notices` holds what was delivered and to which classes; `answers` prescribes what the next notices get instead."""

    def __init__(self) -> None:
        self.notices: list[tuple[str, list[str]]] = []
        self.bodies: list[bytes] = []
        self.answers: list[web.Response] = []
        self.token_answers: list[web.Response] = []
        self.directory_answers: list[web.Response] = []
        self.tokens_given = 0
        self.token = ""
        self._delivered: set[bytes] = set()  # four hours never pass in a test

    def site(self) -> web.Application:
        site = web.Application()
        site.router.add_get("/cgi-bin/gettoken", self._give_token)
        site.router.add_post("/cgi-bin/externalcontact/message/send", self._notice)
        site.router.add_get("/cgi-bin/school/department/list", self._departments)
        site.router.add_get("/cgi-bin/school/agent/get_allow_scope", self._scope)
        return site

    async def _give_token(self, request: web.Request) -> web.Response:
        self.tokens_given += 1
        if self.token_answers:
            return fresh(self.token_answers.pop(0))
        self.token = self.token or f"token-{self.tokens_given}"  # the same one until it ends
        return token_for(request, CORP_ID, SECRET, self.token)

    async def _notice(self, request: web.Request) -> web.Response:
        raw = await request.read()
        self.bodies.append(raw)
        if self.answers:
            return fresh(self.answers.pop(0))
        body = json.loads(raw)
        if (objection := token_objection(request, self.token) or self._objection(body)) is not None:
            return objection
        known = [party for party in body["to_party"] if int(party) in CLASSES]
        if not known:
            return refused(81013, "user & party & tag all invalid")
        if raw not in self._delivered or not body["enable_duplicate_check"]:
            self._delivered.add(raw)
            content = body["text"]["content"].encode()[:LONGEST_TEXT].decode(errors="ignore")  # longer is cut
            self.notices.append((content, known))
        unknown = [party for party in body["to_party"] if party not in known]
        return web.json_response(
            {
                "errcode": 0,
                "errmsg": "ok",
                "invalid_parent_userid": [],
                "invalid_student_userid": [],
                "invalid_party": unknown,
            }
        )

    @staticmethod
    def _objection(body: dict[str, Any]) -> web.Response | None:
        parties: Sequence[Any] = body.get("to_party", [])
        refusals = [
            (body.get("agentid") != AGENT_ID, 40056, "invalid agentid"),
            (body.get("msgtype") != "text" or body.get("recv_scope") not in (0, 1, 2), 40058, "invalid parameter"),
            (body.get("duplicate_check_interval", 1800) > LONGEST_INTERVAL, 40058, "invalid parameter"),
            (not all(isinstance(one, str) for one in parties), 40058, "to_party: not a string"),
            (not body.get("text", {}).get("content"), 44004, "empty content"),
            (len(parties) > MOST_PARTIES, 82002, "too many parties"),
        ]
        return next((refused(code, words) for wrong, code, words in refusals if wrong), None)

    async def _departments(self, request: web.Request) -> web.Response:
        if (objection := token_objection(request, self.token)) is not None:
            return objection
        if self.directory_answers:
            return fresh(self.directory_answers.pop(0))
        wanted = int(request.query["id"])
        if wanted not in (*CLASSES, OUT_OF_RANGE):
            return refused(60003, "department not found")
        return web.json_response(
            {
                "errcode": 0,
                "errmsg": "ok",
                "departments": [{"id": wanted, "parentid": 1, "name": "高三211班", "type": 1}],
            }
        )

    async def _scope(self, request: web.Request) -> web.Response:
        if (objection := token_objection(request, self.token)) is not None:
            return objection
        if request.query.get("agentid") != str(AGENT_ID):
            return refused(301002, "no permission for this agent")
        scope = {"students": [{"userid": "s1"}], "departments": {"partyid": list(CLASSES)}}
        return web.json_response({"errcode": 0, "errmsg": "ok", "allow_scope": scope})


def unmarked(content: str) -> str:
    """Take away the line that marks a notice, which must be there."""
    words, _, mark = content.rpartition("\n")
    assert mark.startswith("〔通知 ")
    assert mark.endswith("〕")
    return words


FAULTS: Faults = {
    **BETWEEN,
    Fault.THROTTLED: lambda: refused(45009, "api freq out of limit"),
    Fault.BAD_CREDENTIALS: lambda: refused(60020, "not allow to access from your ip"),
    Fault.GONE: lambda: refused(81013, "user & party & tag all invalid"),
}


class SchoolStage(Stage):
    kind = ChannelKind.WECOM_SCHOOL
    channel_class = WecomSchool
    address = "101"
    lacks: ClassVar = {}

    def __init__(self) -> None:
        self.fake = self.school = FakeSchool()

    async def start(self) -> None:
        await self.serve(self.school.site())

    def values(self) -> dict[str, str]:
        return {"api_base": self.base, "corp_id": CORP_ID, "agent_id": str(AGENT_ID), "secret": SECRET}

    def heard(self) -> list[str]:
        return [unmarked(content) for content, _ in self.school.notices]

    def prescribe(self, fault: Fault) -> None:
        self.school.answers.append(FAULTS[fault]())


STAGE = SchoolStage
