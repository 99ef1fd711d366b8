"""What DingTalk's two sorts of servers answer, and what each code means for a delivery.

Custom robots and reply addresses (https://open.dingtalk.com/document/orgapp/custom-robot-access): HTTP 200 with an
`errcode`. App robots (…/orgapp/the-robot-sends-a-group-message): HTTP 4xx or 5xx with `{"code", "message"}`. Before
both stands a gateway that turns an address away with `{"status": 1111, "punish": "deny", "wait": 5}`.
"""

import re
from datetime import timedelta

from warden_bot.channels.errcodes import Errors, read_errcode
from warden_bot.channels.http import LONGEST_WAIT, HttpAnswer, plain_words
from warden_bot.channels.meanings import (
    BAD_CREDENTIALS,
    BAD_REQUEST,
    BUSY,
    CONTENT_REFUSED,
    OUTSIDE_WINDOW,
    ROUTE_BROKEN,
    TEXT_TOO_LONG,
    TOKEN_REFUSED,
    UNEXPECTED_ANSWER,
    UNREACHABLE,
    Meaning,
    throttled,
)
from warden_bot.errors import SendError
from warden_bot.states import AttemptOutcome

THROTTLE_WAIT = timedelta(seconds=60)
PENALTY_WAIT = timedelta(minutes=10)  # documented: who sends more than 20 a minute is not heard for ten
QUOTA_WAIT = timedelta(hours=1)  # a month's quota; looked at again every hour
ROBOT_ERRORS: Errors = {
    -1: BUSY,
    40035: BAD_REQUEST,  # no access_token
    43002: BAD_REQUEST,
    43004: BAD_REQUEST,
    130101: throttled(THROTTLE_WAIT),
    300001: ROUTE_BROKEN,  # the token does not exist
    300005: ROUTE_BROKEN,
    310000: BAD_CREDENTIALS,  # keyword, signature or IP: `errmsg` says which
    400013: ROUTE_BROKEN,  # the group was dissolved
    400101: ROUTE_BROKEN,
    400102: ROUTE_BROKEN,  # the robot was stopped
    400105: BAD_REQUEST,
    400106: ROUTE_BROKEN,  # there is no such robot
    410100: throttled(PENALTY_WAIT),
    # From memory of the platform, not from its pages: checks of content, links, texts and pictures.
    **dict.fromkeys((430101, 430102, 430103, 430104), CONTENT_REFUSED),
}
# Seen in public reports: "session 不存在" where the address of an answer is too old.
SESSION_ERRORS: Errors = {**ROBOT_ERRORS, 300001: OUTSIDE_WINDOW}
SECURITY = "310000"
KEYWORD = re.compile("keyword|关键词", re.IGNORECASE)
EXCEEDS = re.compile("too long|exceed [0-9]+ bytes", re.IGNORECASE)  # no code for it is documented

# Part of a v1.0 code, in lower case -> what it means; the first one found counts. A code in which none is found is
# judged by its HTTP status. Documented on the pages of the calls and …/how-to-process-api-throttling-on-the-dingtalk-
# server; the spelling "notExsit" is theirs.
APP_ERRORS: dict[str, Meaning] = {
    "qpslimit": throttled(timedelta(seconds=1)),
    # The month's calls of the whole organisation are used up: only its administrator can do something about it.
    "apicountlimit": throttled(QUOTA_WAIT),
    "throttl": throttled(THROTTLE_WAIT),
    "flowcontrol": throttled(THROTTLE_WAIT),
    "permissiondenied": BAD_CREDENTIALS,  # before "accesstoken": the token is good, the app may not do this
    "invalidauthentication": TOKEN_REFUSED,  # with HTTP 400
    "accesstoken": TOKEN_REFUSED,
    "invalidclientidorsecret": BAD_CREDENTIALS,
    "ip.not.match": BAD_CREDENTIALS,
    "robotcode.auth": BAD_CREDENTIALS,  # the app is not the robot's
    "msgparam.toolong": TEXT_TOO_LONG,
    "robotcode.notexsit": ROUTE_BROKEN,
    "robotcode.notexist": ROUTE_BROKEN,
    "openconversationid": ROUTE_BROKEN,
    "bot.stopped": ROUTE_BROKEN,
    "robot.oto.notexist": ROUTE_BROKEN,
    "chatbotid.notallow": ROUTE_BROKEN,  # the robot is stopped, or may not write to persons
    "staffid.notexist": ROUTE_BROKEN,
    "illegal.receivers": ROUTE_BROKEN,
    "template.": ROUTE_BROKEN,
    "resource.not.found": ROUTE_BROKEN,
}

PUNISHED = re.compile(rb'"status"\s*:\s*1111\b')
WAIT = re.compile(rb'"wait"\s*:\s*([0-9]{1,4})\b')
# The document says that the address is shut out for five minutes, beside an answer that says 5; it names no unit.
WAIT_UNIT = timedelta(minutes=1)

LONGEST_READ = 2000  # characters of the platform's words that are looked at
TRACE = re.compile(r"[;,，；]?(?:link:|request ?id).*", re.IGNORECASE | re.DOTALL)
ADDRESS = re.compile(r"\b[0-9]{1,3}(?:\.[0-9]{1,3}){3}\b|(?:[0-9A-Fa-f]{0,4}:){3,7}[0-9A-Fa-f]{0,4}")


def tidy(words: object) -> str:
    """Return a platform's own words without our network address and without what is only of use to its support."""
    return (
        plain_words(ADDRESS.sub("…", TRACE.sub("", words[:LONGEST_READ]))).rstrip(" ;,，；")
        if isinstance(words, str)
        else ""
    )


def read_robot_answer(answer: HttpAnswer, errors: Errors = ROBOT_ERRORS) -> None:
    """Return when a custom robot or a reply address took the message; raise what its answer means."""
    _require_let_in(answer)
    answer.require_success(missing=ROUTE_BROKEN)
    document = answer.document()
    try:
        read_errcode(document | {"errmsg": tidy(document.get("errmsg"))}, errors)
    except SendError as error:
        if EXCEEDS.search(error.platform_words):
            raise error.restated(*TEXT_TOO_LONG) from None
        if error.platform_code == SECURITY and KEYWORD.search(error.platform_words):
            raise error.restated(*BAD_REQUEST) from None
        raise


def read_app_answer(answer: HttpAnswer) -> dict[str, object]:
    """Return the document of a v1.0 answer; raise what its code or, for unknown ones, its HTTP status means."""
    _require_let_in(answer)
    document = answer.document_or_none() or {}
    code = document.get("code")
    try:
        answer.require_success(missing=UNEXPECTED_ANSWER if code else UNREACHABLE)
    except SendError as error:
        if not isinstance(code, str) or not code:
            raise
        by_status: Meaning = (error.code, error.outcome, None)
        ours, outcome, wait = next((APP_ERRORS[part] for part in APP_ERRORS if part in code.lower()), by_status)
        raise error.restated(
            ours,
            outcome,
            error.retry_after or wait,
            platform_code=tidy(code),
            platform_words=tidy(document.get("message")),
        ) from None
    return answer.document()


def _require_let_in(answer: HttpAnswer) -> None:
    """Raise where the gateway turned us away; it may wrap its JSON into a page of HTML, with any status."""
    if not PUNISHED.search(answer.body):
        return
    found = WAIT.search(answer.body)
    wait = min(int(found[1]) * WAIT_UNIT, timedelta(seconds=LONGEST_WAIT)) if found else None
    raise SendError("throttled", AttemptOutcome.THROTTLED, retry_after=wait, platform_code="1111")
