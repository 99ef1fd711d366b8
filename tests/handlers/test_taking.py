import pytest

from tests.desk import TIP, cases, handle
from tests.factories import NOW, make_message
from warden_bot.content.library import Library
from warden_bot.domain.message import Sender
from warden_bot.domain.receipt import read_code
from warden_bot.handlers.dispatch import Desk
from warden_bot.handlers.taking import TAKE
from warden_bot.states import CaseStatus, ChannelKind, OfficerRole, SenderRole
from warden_bot.store.database import Session
from warden_bot.store.officers import ADDRESS, Officer
from warden_bot.store.sealing import Sealer

ONEBOT, FEISHU, WEBHOOK = ChannelKind.ONEBOT, ChannelKind.FEISHU, ChannelKind.WEBHOOK
PRIVATE = "user:12345678"
PARENT, OFFICER = SenderRole.PARENT, SenderRole.OFFICER
TAKEN = "编号 {} 由你负责了。"


async def add_officers(desk: Desk, *people: tuple[str, ChannelKind, str], sealer: Sealer | None = None) -> None:
    async def work(session: Session) -> None:
        for name, channel, address in people:
            sealed = (sealer or desk.sealer).seal(address, ADDRESS)
            officer = Officer(
                school_id=1,
                name=name,
                role=OfficerRole.OFFICER,
                channel=channel,
                sealed_address=sealed,
                created_at=NOW,
            )
            session.add(officer)

    await desk.database.write(work)


async def case_of(desk: Desk, library: Library) -> str:
    return read_code((await handle(desk, library, make_message(TIP))).text or "") or ""


@pytest.mark.parametrize(
    ("channel", "sender", "chat", "takes"),
    [
        (ONEBOT, Sender(PRIVATE, "", PARENT), "", True),
        (ONEBOT, Sender(PRIVATE, "别的名字", PARENT), "20002000", True),  # among colleagues
        (FEISHU, Sender(PRIVATE, "", PARENT), "", False),  # the same id elsewhere is somebody else
        (ONEBOT, Sender("user:99999999", "甲", PARENT), "", False),  # anybody can call themselves anything
        (ONEBOT, Sender("甲", "甲", PARENT), "", False),
        (WEBHOOK, Sender("甲", "", OFFICER), "", True),  # whoever signs answers for the role
        (WEBHOOK, Sender("u1", "甲", OFFICER), "", True),
        (WEBHOOK, Sender("甲", "甲", PARENT), "", False),
        (WEBHOOK, Sender("甲", "甲", SenderRole.TEACHER), "", False),
    ],
)
async def test_officer_is_known_by_the_private_address_and_by_name_only_where_the_channel_vouches(
    desk: Desk, library: Library, channel: ChannelKind, sender: Sender, chat: str, takes: bool
) -> None:
    await add_officers(desk, ("甲", ONEBOT, PRIVATE))
    code = await case_of(desk, library)

    reply = await handle(desk, library, make_message(f"接 {code}", channel=channel, sender=sender, chat=chat))

    (case,) = await cases(desk)
    assert case.status is (CaseStatus.ACKNOWLEDGED if takes else CaseStatus.OPEN)
    assert (reply.text == TAKEN.format(code)) is takes
    assert "电子烟" not in (reply.text or "")


async def test_officer_whose_code_is_not_understood_is_told_so_and_a_stranger_is_not(
    desk: Desk, library: Library
) -> None:
    await add_officers(desk, ("甲", ONEBOT, PRIVATE))
    code = await case_of(desk, library)
    failed = library.replies.say("acknowledge_failed", library.values())

    texts = {
        text: (await handle(desk, library, make_message(text, channel=ONEBOT, sender=Sender(PRIVATE, "", PARENT)))).text
        for text in ("接", "接 7K4Q", f"接 {code[:-1]}")
    }
    unknown = await handle(desk, library, make_message(f"接 {code}", sender=Sender("u9", "丙", OFFICER)))
    stranger = await handle(desk, library, make_message("接 7K4Q", channel=ONEBOT, sender=Sender("user:9", "", PARENT)))

    assert texts == dict.fromkeys(texts, failed)
    assert (unknown.text, stranger.text == failed) == (failed, False)


async def test_officer_s_wide_letters_are_understood(desk: Desk, library: Library) -> None:
    await add_officers(desk, ("甲", ONEBOT, PRIVATE))
    code = await case_of(desk, library)
    wide = "".join(chr(ord(one) + 0xFEE0) for one in code)

    reply = await handle(desk, library, make_message(f"接{wide}", channel=ONEBOT, sender=Sender(PRIVATE, "", PARENT)))

    assert reply.text == TAKEN.format(code)


async def test_address_that_no_key_opens_keeps_nobody_else_from_answering(desk: Desk, library: Library) -> None:
    await add_officers(desk, ("丙", ONEBOT, "user:11111111"), sealer=Sealer([bytes(32)]))
    await add_officers(desk, ("甲", ONEBOT, PRIVATE))
    code = await case_of(desk, library)

    reply = await handle(desk, library, make_message(f"接 {code}", channel=ONEBOT, sender=Sender(PRIVATE, "", PARENT)))

    assert reply.text == TAKEN.format(code)


@pytest.mark.parametrize(
    ("text", "is_order"),
    [
        ("接 7K4Q-M2XD", True),
        ("接", True),
        ("接：", True),
        ("接7k4q", True),
        ("接７", True),
        ("接了 7K4Q-M2XD", True),
        ("我接 7k4qm2xd", True),
        ("“接 7K4Q-M2XD”", True),
        ("接【7K4Q-M2XD】", True),
        ("7K4Q-M2XD 接了", True),
        ("回复7K4Q-M2XD 是哪家店", True),
        ("转到 消防 7K4Q-M2XD", True),
        ("接孩子放学", False),
        ("接了孩子就来", False),
        ("回复一下", False),
        ("7K4Q-M2XD 接下来怎么办", False),
        ("记录好了", False),
    ],
)
def test_talk_of_fetching_children_is_no_order(text: str, is_order: bool) -> None:
    assert bool(TAKE.match(text)) is is_order


async def test_officer_who_talks_as_a_parent_in_the_class_group_gets_no_answer(desk: Desk, library: Library) -> None:
    await add_officers(desk, ("甲", ONEBOT, PRIVATE))
    talk = make_message(
        "接 孩子放学去了", channel=ONEBOT, sender=Sender(PRIVATE, "", PARENT), chat="20002000", addressed=False
    )

    assert (await handle(desk, library, talk)).text is None


@pytest.mark.parametrize("text", ["{}接了", "我来接 {}", "“接 {}”", "接单：{}", "接 编号 {}"])
async def test_case_is_taken_however_an_officer_says_so(desk: Desk, library: Library, text: str) -> None:
    await add_officers(desk, ("甲", ONEBOT, PRIVATE))
    code = await case_of(desk, library)
    sender = Sender(PRIVATE, "", PARENT)

    reply = await handle(desk, library, make_message(text.format(code), channel=ONEBOT, sender=sender))

    assert (reply.text, (await cases(desk))[0].status) == (TAKEN.format(code), CaseStatus.ACKNOWLEDGED)


async def test_order_that_is_none_is_answered_with_those_that_there_are(desk: Desk, library: Library) -> None:
    await add_officers(desk, ("甲", WEBHOOK, "http://127.0.0.1:9/hook"))
    code = await case_of(desk, library)
    orders = library.replies.say("officer_orders", library.values(code=code))

    officer = await handle(desk, library, make_message(f"处理 {code}", sender=Sender("甲", "甲", OFFICER)))
    parent = await handle(desk, library, make_message(f"进度 {code}"))

    assert ((officer.text or "").splitlines()[1], orders in (parent.text or "")) == (orders, False)
