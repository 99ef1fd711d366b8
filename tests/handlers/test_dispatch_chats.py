"""Group chats that platforms name by an id of their own: bound to a class, or to none yet."""

import asyncio

import pytest

from tests.conftest import ZONE, Clock, Mailroom
from tests.desk import TIP, cases, handle, rows, said
from tests.factories import NOW, add_groups, add_officer_on_duty, make_group, make_message
from warden_bot.content.library import Library
from warden_bot.domain.message import InboundMessage, Media, Sender
from warden_bot.domain.receipt import read_code
from warden_bot.handlers.auditor import audit
from warden_bot.handlers.binding import give_codes
from warden_bot.handlers.dispatch import Desk
from warden_bot.states import Action, ChannelKind, GroupStatus, SenderRole
from warden_bot.store.cases import Tip
from warden_bot.store.database import Session
from warden_bot.store.inbox import InboxMessage
from warden_bot.store.outbox import REPLY_ADDRESS, Delivery

CHAT = "20002000"
QUESTION = "反诈热线是多少"
ONEBOT = ChannelKind.ONEBOT


def in_chat(text: str, chat: str = CHAT, kind: ChannelKind = ONEBOT, **changes: object) -> InboundMessage:
    sender = Sender("user:12345678", "小明妈妈", SenderRole.PARENT)
    return make_message(text, channel=kind, chat=chat, sender=sender, **({"addressed": False} | changes))


async def bind(desk: Desk, kind: ChannelKind = ONEBOT, status: GroupStatus = GroupStatus.ACTIVE) -> None:
    group = make_group(desk.sealer, "c001", channel=kind, address=CHAT)
    group.status = status
    await add_groups(desk.database, group)


async def inbox(desk: Desk) -> list[str | None]:
    return [one.group_code for one in await rows(desk, InboxMessage) if isinstance(one, InboxMessage)]


async def owed(desk: Desk) -> list[tuple[str, int | None, str]]:
    """Return the replies that are owed: the channel, the group, else the address."""
    found = [one for one in await rows(desk, Delivery) if isinstance(one, Delivery) and one.inbox_id is not None]
    addresses = [desk.sealer.open(one.sealed_address, REPLY_ADDRESS) if one.sealed_address else "" for one in found]
    return [(one.channel.value, one.group_id, address) for one, address in zip(found, addresses, strict=True)]


async def test_question_to_the_bot_in_a_chat_that_is_bound_to_nothing_is_answered_where_it_was_asked(
    desk: Desk, library: Library
) -> None:
    talk = await handle(desk, library, in_chat(QUESTION))  # where no manners would hold, nothing is said unasked
    reply = await handle(desk, library, in_chat(QUESTION, addressed=True))

    assert (talk.text, reply.text) == (None, library.answers["fraud.hotline-96110"].group.source)
    assert (await inbox(desk), await owed(desk)) == ([None, None], [("onebot", None, CHAT)])


async def test_message_of_a_bound_chat_carries_our_code_and_is_answered_to_the_group(
    desk: Desk, library: Library
) -> None:
    await bind(desk)

    await handle(desk, library, in_chat(QUESTION))

    assert (await inbox(desk), await owed(desk)) == (["c001"], [("onebot", 1, "")])


@pytest.mark.parametrize(
    ("kind", "status"),
    [(ChannelKind.FEISHU, GroupStatus.ACTIVE), (ONEBOT, GroupStatus.RETIRED)],
    ids=["another platform's", "retired"],
)
async def test_chat_of_the_same_id_elsewhere_or_of_a_retired_group_is_bound_to_nothing(
    desk: Desk, library: Library, kind: ChannelKind, status: GroupStatus
) -> None:
    await bind(desk, kind, status)

    await handle(desk, library, in_chat(QUESTION, addressed=True))

    assert (await inbox(desk), await owed(desk)) == ([None], [("onebot", None, CHAT)])


async def test_messages_that_are_stored_together_find_each_their_own_group(desk: Desk, library: Library) -> None:
    await bind(desk)
    other = make_group(desk.sealer, "c002", channel=ChannelKind.WECOM_AIBOT, address=CHAT)
    await add_groups(desk.database, other)
    said_there = [
        in_chat(QUESTION),
        in_chat(QUESTION, kind=ChannelKind.WECOM_AIBOT),
        in_chat(QUESTION, "20002999"),
        make_message(QUESTION, group="c007"),
        make_message(QUESTION),
    ]

    await asyncio.gather(*(handle(desk, library, message) for message in said_there))

    found = [one for one in await rows(desk, InboxMessage) if isinstance(one, InboxMessage)]
    codes = {one.message_id: one.group_code for one in found}
    assert [codes[one.message_id] for one in said_there] == ["c001", "c002", None, "c007", None]


async def test_answer_to_a_binding_goes_to_the_chat_and_the_next_one_to_the_group(desk: Desk, library: Library) -> None:
    await add_groups(desk.database, make_group(desk.sealer, "c001"))
    (given,) = await desk.database.write(lambda session: give_codes(session, "all", desk.sealer, "cli:test", NOW))

    for text in (f"绑定 {given.code}", QUESTION):
        await handle(desk, library, in_chat(text))

    assert await inbox(desk) == [None, "c001"]
    assert await owed(desk) == [("onebot", None, CHAT), ("onebot", 1, "")]


@pytest.mark.parametrize("bound", [False, True])
async def test_tip_in_a_chat_is_taken_as_in_a_group_whether_it_is_bound_or_not(
    desk: Desk, library: Library, bound: bool
) -> None:
    if bound:
        await bind(desk)

    reply = await handle(desk, library, in_chat(TIP))
    more = await handle(desk, library, in_chat("戴眼镜的", addressed=True))
    code = read_code(reply.text or "")
    asked = await handle(desk, library, in_chat(f"{code} 进度", addressed=True))

    (tip,) = [one for one in await rows(desk, Tip) if isinstance(one, Tip)]
    assert (reply.action, tip.from_group) == (Action.TIP, True)
    assert more.action in (Action.MENU, Action.ANSWER)
    assert reply.text == library.replies.say("tip_in_group", library.values("11月23日", code=code or ""))
    assert asked.text == library.replies.say("status_in_group", library.values())


async def test_danger_in_a_bound_chat_names_the_class_to_the_officer(
    desk: Desk, library: Library, mailroom: Mailroom
) -> None:
    await bind(desk)
    await add_officer_on_duty(desk.database, desk.sealer, "甲")

    await handle(desk, library, in_chat("楼下着火了孩子还在屋里"))
    await mailroom.send_due()

    (notice,) = await said(desk, "private:甲")
    assert "原话（c001群）：楼下着火了孩子还在屋里" in notice


async def test_auditor_owes_the_answer_that_was_left_out_to_the_bound_group(
    desk: Desk, library: Library, clock: Clock
) -> None:
    await bind(desk)
    await handle(desk, library, in_chat(QUESTION))

    async def forget(session: Session) -> None:
        for delivery in await rows(desk, Delivery):
            await session.delete(await session.merge(delivery))

    await desk.database.write(forget)
    now = clock.forward(seconds=40)
    await desk.database.write(lambda session: audit(session, library, desk.channels, ZONE, now))

    assert await owed(desk) == [("onebot", 1, "")]


@pytest.mark.parametrize(
    ("text", "media", "addressed", "reply"),
    [
        ("", (Media("image", "p"),), True, "图片和语音我看不懂，请打字告诉我。急事打110。"),
        (" \n", (), True, None),  # only the bot's name: the menu
        ("", (Media("image", "p"),), False, ""),
        ("", (), False, ""),
    ],
    ids=["a picture for the bot", "only its name", "a picture among parents", "nothing"],
)
async def test_message_without_words_is_told_what_to_do_only_where_the_bot_is_meant(
    desk: Desk, library: Library, text: str, media: tuple[Media, ...], addressed: bool, reply: str | None
) -> None:
    got = await handle(desk, library, in_chat(text, media=media, addressed=addressed))

    menu = library.replies.say("menu", library.values("11月23日"))
    assert (got.text or "") == (menu if reply is None else reply)
    assert len(await owed(desk)) == bool(got.text)


@pytest.mark.parametrize("kind", [ChannelKind.WECHAT_OFFICIAL, ChannelKind.FEISHU], ids=str)
async def test_picture_that_could_not_be_fetched_is_noted_in_the_case_and_asked_for_again(
    desk: Desk, library: Library, kind: ChannelKind
) -> None:
    sender = Sender("oLVPpjqs2BhvzwPj5A-vTYAX4GLc", "", SenderRole.PARENT)
    await handle(desk, library, make_message(TIP, channel=kind, sender=sender))

    picture = make_message("", channel=kind, sender=sender, media=(Media("image", "p"),))
    reply = await handle(desk, library, picture)

    assert (reply.text or "").startswith("有图片没收下")
    assert (len(await cases(desk)), len(await rows(desk, Tip))) == (1, 2)


@pytest.mark.parametrize("place", ["beginning", "end"])
async def test_danger_at_either_end_of_a_very_long_text_is_seen(desk: Desk, library: Library, place: str) -> None:
    talk = "今天的作业是第三页到第五页，" * 600
    text = f"着火了快来人，{talk}" if place == "beginning" else f"{talk}着火了快来人"

    reply = await handle(desk, library, in_chat(text))

    assert reply.action is Action.EMERGENCY
