"""What DingTalk's two sorts of servers answer, and what each code means for a delivery.

Custom robots and reply addresses (https://open.dingtalk.com/document/orgapp/custom-robot-access): HTTP 200 with an
`errcode`. App robots (…/orgapp/the-robot-sends-a-group-message): HTTP 4xx or 5xx with `{"code", "message"}`. Before
both stands a gateway that turns an address away with `{"status": 1111, "punish": "deny", "wait": 5}`.
"""

import re
from datetime import timedelta

from warden_bot.channels.errcodes import Errors, read_errcode
from warden_bot.channels.http import LONGEST_WAIT, HttpAnswer, plain_words
from warden_bot.channels.tokens import REFUSED_TOKEN
from warden_bot.errors import SendError
from warden_bot.states import AttemptOutcome

Meaning = tuple[
    str, AttemptOutcome, timedelta | None
]  # our code, what becomes of the delivery, how long to wait at least

BUSY: Meaning = ("busy", AttemptOutcome.RETRYABLE, None)
BAD_REQUEST: Meaning = ("bad_request", AttemptOutcome.REJECTED, None)
GONE: Meaning = ("route_broken", AttemptOutcome.REJECTED, None)
DENIED: Meaning = ("bad_credentials", AttemptOutcome.DENIED, None)
TOO_LONG: Meaning = ("text_too_long", AttemptOutcome.REJECTED, None)
REFUSED_CONTENT: Meaning = ("content_refused", AttemptOutcome.HELD, None)

PENALTY = timedelta(minutes=10)  # documented: who sends more than 20 a minute is not heard for ten
ROBOT_ERRORS: Errors = {
    -1: BUSY,
    40035: BAD_REQUEST,  # no access_token
    43002: BAD_REQUEST,
    43004: BAD_REQUEST,
    130101: ("throttled", AttemptOutcome.THROTTLED, timedelta(seconds=60)),
    300001: GONE,  # the token does not exist
    300005: GONE,
    310000: DENIED,  # keyword, signature or IP: `errmsg` says which
    400013: GONE,  # the group was dissolved
    400101: GONE,
    400102: GONE,  # the robot was stopped
    400105: BAD_REQUEST,
    400106: GONE,  # there is no such robot
    410100: ("throttled", AttemptOutcome.THROTTLED, PENALTY),
    # From memory of the platform, not from its pages: checks of content, links, texts and pictures.
    430101: REFUSED_CONTENT,
    430102: REFUSED_CONTENT,
    430103: REFUSED_CONTENT,
    430104: REFUSED_CONTENT,
}
# Seen in public reports: "session 不存在" where the address of an answer is too old.
SESSION_ERRORS: Errors = {**ROBOT_ERRORS, 300001: ("outside_window", AttemptOutcome.REJECTED, None)}
SECURITY = "310000"
KEYWORD = re.compile("keyword|关键词", re.IGNORECASE)
EXCEEDS = re.compile("too long|exceed [0-9]+ bytes", re.IGNORECASE)  # no code for it is documented

# Part of a v1.0 code, in lower case -> what it means; the first one found counts. A code in which none is found is
# judged by its HTTP status. Documented on the pages of the calls and …/how-to-process-api-throttling-on-the-dingtalk-
# server; the spelling "notExsit" is theirs.
APP_ERRORS: dict[str, Meaning] = {
    "qpslimit": ("throttled", AttemptOutcome.THROTTLED, timedelta(seconds=1)),
    # The month's calls of the whole organisation are used up: only its administrator can do something about it.
    "apicountlimit": ("throttled", AttemptOutcome.THROTTLED, timedelta(hours=1)),
    "throttl": ("throttled", AttemptOutcome.THROTTLED, timedelta(seconds=60)),
    "flowcontrol": ("throttled", AttemptOutcome.THROTTLED, timedelta(seconds=60)),
    "permissiondenied": DENIED,  # before "accesstoken": the token is good, the app may not do this
    "invalidauthentication": (REFUSED_TOKEN, AttemptOutcome.DENIED, None),  # with HTTP 400
    "accesstoken": (REFUSED_TOKEN, AttemptOutcome.DENIED, None),
    "invalidclientidorsecret": DENIED,
    "ip.not.match": DENIED,
    "robotcode.auth": DENIED,  # the app is not the robot's
    "msgparam.toolong": TOO_LONG,
    "robotcode.notexsit": GONE,
    "robotcode.notexist": GONE,
    "openconversationid": GONE,
    "bot.stopped": GONE,
    "robot.oto.notexist": GONE,
    "chatbotid.notallow": GONE,  # the robot is stopped, or may not write to persons
    "staffid.notexist": GONE,
    "illegal.receivers": GONE,
    "template.": GONE,
    "resource.not.found": GONE,
}
FLOW_CONTROL_WAIT = timedelta(seconds=60)  # nobody documents how long a person is not written to

PUNISHED = re.compile(rb'"status"\s*:\s*1111\b')
WAIT = re.compile(rb'"wait"\s*:\s*([0-9]{1,4})\b')
# The document says that the address is shut out for five minutes, beside an answer that says 5; it names no unit.
WAIT_UNIT = timedelta(minutes=1)

TRACE = re.compile(r"[;,，；]?\s*(?:link:|request ?id).*", re.IGNORECASE | re.DOTALL)
ADDRESS = re.compile(r"\b[0-9]{1,3}(?:\.[0-9]{1,3}){3}\b|(?:[0-9A-Fa-f]{0,4}:){3,7}[0-9A-Fa-f]{0,4}")


def tidy(words: object) -> str:
    """Return a platform's own words without our network address and without what is only of use to its support."""
    return plain_words(ADDRESS.sub("…", TRACE.sub("", words))) if isinstance(words, str) else ""


def read_robot_answer(answer: HttpAnswer, errors: Errors = ROBOT_ERRORS) -> None:
    """Return when a custom robot or a reply address took the message; raise what its answer means."""
    _require_let_in(answer)
    answer.require_success()
    document = answer.document()
    try:
        read_errcode(document | {"errmsg": tidy(document.get("errmsg"))}, errors)
    except SendError as error:
        if EXCEEDS.search(error.platform_words):
            raise restated(error, TOO_LONG) from None
        if error.platform_code == SECURITY and KEYWORD.search(error.platform_words):
            raise restated(error, BAD_REQUEST) from None
        raise


def read_app_answer(answer: HttpAnswer) -> dict[str, object]:
    """Return the document of a v1.0 answer; raise what its code or, for unknown ones, its HTTP status means."""
    _require_let_in(answer)
    try:
        answer.require_success()
    except SendError as error:
        document = answer.document_or_none() or {}
        code = document.get("code")
        if not isinstance(code, str) or not code:
            raise
        error.platform_code, error.platform_words = tidy(code), tidy(document.get("message"))
        by_status = (error.code, error.outcome, None)
        found = next((APP_ERRORS[part] for part in APP_ERRORS if part in code.lower()), by_status)
        raise restated(error, found) from None
    return answer.document()


def restated(error: SendError, meaning: Meaning) -> SendError:
    """Return the same answer of the platform with another meaning."""
    code, outcome, wait = meaning
    return SendError(
        code,
        outcome,
        retry_after=error.retry_after or wait,
        platform_code=error.platform_code,
        platform_words=error.platform_words,
        asked=error.asked,
    )


def _require_let_in(answer: HttpAnswer) -> None:
    """Raise where the gateway turned us away; it may wrap its JSON into a page of HTML, with any status."""
    if not PUNISHED.search(answer.body):
        return
    found = WAIT.search(answer.body)
    wait = min(int(found[1]) * WAIT_UNIT, timedelta(seconds=LONGEST_WAIT)) if found else None
    raise SendError("throttled", AttemptOutcome.THROTTLED, retry_after=wait, platform_code="1111")
