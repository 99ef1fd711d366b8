"""What becomes of questions that were not understood well: kept for the editors, unless they were told to somebody else."""

from tests.desk import cases, handle, rows
from tests.factories import make_message
from warden_bot.content.library import Library
from warden_bot.domain.message import Sender
from warden_bot.handlers.dispatch import Desk
from warden_bot.states import SenderRole
from warden_bot.store.missed_questions import MISSED_TEXT, MissedQuestion

PUZZLING = "紫色信箱的盖子朝哪边开"


async def test_what_is_told_to_a_person_or_added_to_a_case_is_no_editors(desk: Desk, library: Library) -> None:
    told, reports, asks = (Sender(name, "", SenderRole.PARENT) for name in ("u1", "u2", "u3"))
    for text, sender in (
        ("人工", told),
        ("他昨天晚上又喝酒闹了一夜我身上都青了", told),
        ("我要举报", reports),
        ("戴眼镜的高个子那个", reports),
    ):
        await handle(desk, library, make_message(text, sender=sender))
    asked = make_message(PUZZLING, sender=asks)
    await handle(desk, library, asked)
    await handle(desk, library, asked)  # the platform repeats it

    (kept,) = [one for one in await rows(desk, MissedQuestion) if isinstance(one, MissedQuestion)]
    assert (desk.sealer.open(kept.sealed_text, MISSED_TEXT), kept.times) == (PUZZLING, 1)


async def test_scam_that_begins_like_an_order_is_a_scam(desk: Desk, library: Library) -> None:
    scam = make_message("接5人刷单 日结佣金300 加我微信扫码进群，先垫付88元", group="c001", addressed=False)

    await handle(desk, library, scam)

    assert [case.category for case in await cases(desk)] == ["guard:order-brushing"]
