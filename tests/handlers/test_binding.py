import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.classroom import findings
from tests.desk import handle, rows
from tests.factories import NOW, add_groups, make_group, make_message
from warden_bot.audit_actions import AuditAction
from warden_bot.content.library import Library
from warden_bot.domain.message import InboundMessage, Sender
from warden_bot.domain.receipt import read_code
from warden_bot.errors import Refused
from warden_bot.handlers.binding import GivenCode, give_codes, is_binding
from warden_bot.handlers.dispatch import Desk, dispatch, understand
from warden_bot.states import Action, ChannelKind, FindingKind, GroupStatus, SenderRole
from warden_bot.store.audit import AuditEntry
from warden_bot.store.binding import LASTS, BindCode
from warden_bot.store.database import Database, Session
from warden_bot.store.findings import note
from warden_bot.store.groups import ADDRESS, SECRET, Group, group_by_code

CHATS = {
    ChannelKind.ONEBOT: "20002000",
    ChannelKind.FEISHU: "oc_5ad11d72b830411d72b836c20",
    ChannelKind.WECOM_AIBOT: "wrkSFfCgAAxxxxxx",
}
PEOPLE = {
    ChannelKind.ONEBOT: "user:12345678",
    ChannelKind.FEISHU: "ou_84aad35d084aa403a838cf73ee18467",
    ChannelKind.MATRIX: "!DirectRoomOfTheTeacher:school.example",
    ChannelKind.WECHAT_OFFICIAL: "oLVPpjqs2BhvzwPj5A-vTYAX4GLc",
}
FAILED = "绑定码不对，或者已经过期、用过。请向派出所再要一个。"


def in_chat(text: str, kind: ChannelKind = ChannelKind.ONEBOT, chat: str = "") -> InboundMessage:
    sender = Sender("user:12345678", "张老师", SenderRole.PARENT)
    return make_message(text, channel=kind, chat=chat or CHATS[kind], sender=sender, addressed=False)


def in_private(text: str, kind: ChannelKind, person: str = "") -> InboundMessage:
    return make_message(text, channel=kind, sender=Sender(person or PEOPLE[kind], "张老师", SenderRole.PARENT))


async def give(desk: Desk, rule: str = "group:c001") -> list[GivenCode]:
    return await desk.database.write(lambda session: give_codes(session, rule, desk.sealer, "cli:test", NOW))


async def code_for(desk: Desk, code: str = "c001") -> str:
    (given,) = await give(desk, f"group:{code}")
    return given.code


async def group(desk: Desk, code: str = "c001") -> Group:
    async with desk.database.read() as session:
        found = await group_by_code(session, code)
    assert found is not None
    return found


async def place(desk: Desk, code: str = "c001") -> tuple[str, str]:
    """Return where a class is reached: channel and address."""
    found = await group(desk, code)
    return found.channel.value, desk.sealer.open(found.sealed_address, ADDRESS)


@pytest.fixture
async def school(desk: Desk) -> Desk:
    """A desk with two classes, reached on a route that is broken."""
    groups = [make_group(desk.sealer, code, channel=ChannelKind.DINGTALK) for code in ("c001", "c002")]
    for one in groups:
        one.sealed_secret = desk.sealer.seal("SEC-of-the-old-robot", SECRET)
        one.route_broken_at, one.route_broken_code = NOW, "route_broken"
    await add_groups(desk.database, *groups)

    async def work(session: Session) -> None:
        await note(session, FindingKind.ROUTE_BROKEN, "c001", "", NOW)

    await desk.database.write(work)
    return desk


@pytest.mark.parametrize("kind", CHATS, ids=str)
async def test_code_typed_in_a_group_binds_that_chat_to_its_class(
    school: Desk, library: Library, kind: ChannelKind
) -> None:
    message = in_chat(f"绑定：{(await code_for(school)).lower()}", kind)

    reply = await handle(school, library, message)

    bound = await group(school)
    audit = [one for one in await rows(school, AuditEntry) if isinstance(one, AuditEntry) and one.actor == "chat"]
    assert reply.action is Action.STATUS
    assert reply.text == "好了，这里就是c001群。以后的安全提醒会发到这里。"
    assert await place(school) == (kind.value, CHATS[kind])
    assert bound.takes_key is school.channels[kind].abilities(CHATS[kind]).takes_key
    assert (bound.sealed_secret, bound.route_broken_at, bound.route_broken_code) == (None, None, "")
    assert await findings(school.database) == [("route_broken", "c001", False)]
    assert [(one.action, one.subject) for one in audit] == [(AuditAction.GROUP_BOUND, f"c001 on {kind}")]
    assert await place(school, "c002") == ("dingtalk", "c002")


@pytest.mark.parametrize(
    "write",
    [
        "绑定 {}",
        "绑定{}",
        " 绑定：{} \n",
        "绑定码: {}",
        "绑定\n{}",
        "绑定 {lower}",
        "绑定 {plain}",
        "绑定　{wide}",
        "绑定：{wide}",
        "绑定 {dash}",
        "绑定 {spaced}",
    ],
)
def test_code_is_understood_however_it_is_typed(write: str) -> None:
    code = "7K4Q-M2XD"
    wide = "".join(chr(ord(one) + 0xFEE0) for one in code)
    ways = {"lower": code.lower(), "plain": code.replace("-", ""), "wide": wide, "dash": code.replace("-", "—")}

    text = write.format(code, **ways, spaced=" ".join(code))

    assert is_binding(text)
    assert read_code(text) == code


@pytest.mark.parametrize(
    ("text", "binds"),
    [
        ("绑定 7K4Q-M2X", True),  # a character was left out: it is told that the code is wrong
        ("绑定 0000-0000", True),
        ("绑定", False),
        ("绑定手机号怎么弄", False),
        ("绑定 7K4Q-M2XD 是什么", False),
        ("谁能帮我绑定 7K4Q-M2XD", False),
        ("7K4Q-M2XD", False),
    ],
)
def test_talk_of_binding_is_no_command(text: str, binds: bool) -> None:
    assert is_binding(text) is binds


@pytest.mark.parametrize("why", ["used", "expired", "wrong", "replaced", "retired"])
async def test_code_that_does_not_hold_is_refused_kindly_and_changes_nothing(
    school: Desk, library: Library, why: str
) -> None:
    code, now = await code_for(school), NOW
    if why == "used":
        await handle(school, library, in_chat(f"绑定 {code}", chat="20002001"))
    elif why == "expired":
        now = NOW + LASTS
    elif why == "replaced":
        await code_for(school)
    elif why == "retired":
        retired = await group(school)
        retired.status = GroupStatus.RETIRED
        await add_groups(school.database, retired)
    typed = {"wrong": "2222-2222"}.get(why, code)
    before = await place(school)

    message = in_chat(f"绑定 {typed}")
    reply = await dispatch(understand(school, message, library, "11月23日", now))

    assert (reply.action, reply.text) == (Action.STATUS, FAILED)
    assert await place(school) == before


async def test_last_moment_of_a_code_is_good(school: Desk, library: Library) -> None:
    message = in_chat(f"绑定 {await code_for(school)}")

    await dispatch(understand(school, message, library, "11月23日", NOW + LASTS - timedelta(microseconds=1)))

    assert await place(school) == ("onebot", "20002000")


async def test_in_another_class_s_chat_the_code_is_refused_and_used_up_for_others_have_read_it(
    school: Desk, library: Library
) -> None:
    await handle(school, library, in_chat(f"绑定 {await code_for(school, 'c002')}", chat="20002002"))
    code = await code_for(school)

    elsewhere = await handle(school, library, in_chat(f"绑定 {code}", chat="20002002"))
    there = await handle(school, library, in_chat(f"绑定 {code}"))

    assert elsewhere.text == "这里已经绑定为c002群，不用再绑。要换请找派出所。"
    assert there.text == FAILED
    assert [await place(school, one) for one in ("c001", "c002")] == [("dingtalk", "c001"), ("onebot", "20002002")]


async def test_in_its_own_chat_a_new_code_binds_anew(school: Desk, library: Library) -> None:
    texts = [(await handle(school, library, in_chat(f"绑定 {await code_for(school)}"))).text or "" for _ in range(2)]

    assert [text.startswith("好了，这里就是c001群") for text in texts] == [True, True]


@pytest.mark.parametrize("kind", PEOPLE, ids=str)
async def test_code_typed_in_a_private_chat_has_the_text_handed_to_that_teacher(
    school: Desk, library: Library, kind: ChannelKind
) -> None:
    replies = [
        await handle(school, library, in_private(f"绑定 {await code_for(school, code)}", kind))
        for code in ("c001", "c002")
    ]

    assert [one.text for one in replies] == [
        f"好了，要发到{code}群的提醒，以后会先发给您，请您转发。" for code in ("c001", "c002")
    ]
    for code in ("c001", "c002"):
        assert await place(school, code) == ("relay", f"{kind}:{PEOPLE[kind]}")
        assert school.channels[ChannelKind.RELAY].address_fault(f"{kind}:{PEOPLE[kind]}") is None
    assert (await group(school)).takes_key


@pytest.mark.parametrize("kind", [ChannelKind.WECHAT_OFFICIAL, ChannelKind.FEISHU], ids=str)  # HTTP answer, outbox
async def test_wrong_code_in_a_private_chat_is_told_so_on_every_kind(
    school: Desk, library: Library, kind: ChannelKind
) -> None:
    reply = await handle(school, library, in_private("绑定 7K4Q-M2X", kind))

    assert reply.text == FAILED


async def test_code_typed_in_two_chats_at_once_binds_one_of_them(school: Desk, library: Library) -> None:
    code, other = await code_for(school), Database(school.database.url)
    messages = [in_chat(f"绑定 {code}", chat=f"2000200{number}") for number in range(4)]
    desks = [school, replace(school, database=other)] * 2

    replies = await asyncio.gather(
        *(handle(desk, library, message) for desk, message in zip(desks, messages, strict=True))
    )
    await other.close()

    bound = [message.chat for message, reply in zip(messages, replies, strict=True) if reply.text != FAILED]
    assert len(bound) == 1
    assert await place(school) == ("onebot", bound[0])


@pytest.mark.parametrize(
    "message",
    [
        make_message("绑定 {}", group="c001"),
        make_message("绑定 {}"),
        in_private("绑定 {}", ChannelKind.WECOM_AIBOT, "single:zhang"),  # only answers, without its connection
        in_private("绑定 {}", ChannelKind.DINGTALK, "https://oapi.dingtalk.com/robot/sendBySession?session=1"),
    ],
    ids=["webhook group", "webhook private", "cannot write first", "address of one talk"],
)
async def test_where_nobody_can_be_bound_the_code_is_taken_for_words_and_stays_good(
    school: Desk, library: Library, message: InboundMessage
) -> None:
    code = await code_for(school)

    reply = await handle(school, library, replace(message, text=message.text.format(code)))

    assert reply.text != FAILED
    assert await place(school) == ("dingtalk", "c001")
    assert (await handle(school, library, in_chat(f"绑定 {code}"))).text != FAILED


async def test_codes_are_given_to_every_class_of_an_audience_and_kept_nowhere_in_clear(school: Desk) -> None:
    given = await give(school, "classes")

    kept = [one for one in await rows(school, BindCode) if isinstance(one, BindCode)]
    (entry,) = [one for one in await rows(school, AuditEntry) if isinstance(one, AuditEntry)]
    assert [(one.group, one.name) for one in given] == [("c001", "c001群"), ("c002", "c002群")]
    assert given[0].as_json() == {
        "group": "c001",
        "name": "c001群",
        "code": given[0].code,
        "expires_at": "2026-11-24T04:00:00.000000+00:00",
    }
    assert (entry.action, entry.subject) == (AuditAction.BIND_CODES_MADE, "2: classes")
    for one in given:
        assert one.code not in str([row.model_dump() for row in kept])
        assert one.code.replace("-", "") not in str([row.model_dump() for row in kept])


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ("group:c001+group:c009", "没有群 c009"),
        ("group:c009", "没有群 c009"),
        ("campus", "没有一个群符合“campus”"),
        ("everybody", "看不懂"),
    ],
)
async def test_codes_for_nobody_are_refused_and_none_is_made(school: Desk, rule: str, reason: str) -> None:
    with pytest.raises(Refused, match=reason):
        await give(school, rule)

    assert await rows(school, BindCode) == []
