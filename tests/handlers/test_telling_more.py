"""What somebody says further who has told of something: it joins the report, and is taken for what it is."""

import pytest

from tests.alarms import STRANGER, guard, talk
from tests.desk import TIP, cases, rows
from tests.factories import add_school
from tests.handlers.test_guiding import WHAT, say, words
from warden_bot.content.library import Library
from warden_bot.domain.guiding import says_it_is_over
from warden_bot.domain.message import Sender
from warden_bot.domain.receipt import read_code
from warden_bot.handlers.dispatch import Desk
from warden_bot.handlers.guiding import LEFT
from warden_bot.states import SenderRole
from warden_bot.store.cases import TIP_REPORTER, Tip


async def test_leaving_nothing_after_a_report_is_no_report_and_no_question(desk: Desk, library: Library) -> None:
    code = read_code(await say(desk, library, TIP))
    answer = await say(desk, library, "不留")
    assert (read_code(answer), len(answer) < 40, await words(desk)) == (code, True, [TIP])


async def test_address_in_a_report_told_at_once_stands_apart_and_the_same_words_get_the_same_answer(
    desk: Desk, library: Library
) -> None:
    told = f"{TIP}，我电话13900001111，叫王芳"
    first, again = [await say(desk, library, told) for _ in range(2)]
    await say(desk, library, "我微信wangfang88")

    assert first == again
    assert [one.removesuffix(LEFT) for one in await words(desk)] == [f"{TIP}，", ""]
    names = [
        desk.sealer.open(tip.sealed_reporter, TIP_REPORTER) for tip in await rows(desk, Tip) if isinstance(tip, Tip)
    ]
    assert ["13900001111" in names[0], "wangfang88" in names[1]] == [True, True]


@pytest.mark.parametrize("told", ["着火了，我在三楼，我电话13900001111", "人工，我电话13900001111"])
async def test_whoever_is_called_in_danger_or_is_to_call_back_has_the_number_at_once(
    desk: Desk, library: Library, told: str
) -> None:
    await say(desk, library, told)
    assert await words(desk) == [told]


@pytest.mark.parametrize("over", ["没事了，店已经关门", "人已经走了", "没事了，他们走了"])
@pytest.mark.parametrize("begun", [[TIP], ["我要举报", "有人卖电子烟给学生"]], ids=["one shot", "led"])
async def test_that_it_is_over_is_added_to_the_report_and_wakes_nobody(
    desk: Desk, library: Library, begun: list[str], over: str
) -> None:
    for text in begun:
        await say(desk, library, text)

    answer = await say(desk, library, over)

    (case,) = await cases(desk)
    assert (case.danger, read_code(answer), (await words(desk))[-1]) == (False, case.code, over)


@pytest.mark.parametrize("before", [[], ["同学在天台要跳楼"], ["我要举报"]], ids=["nothing", "danger", "no report yet"])
async def test_words_that_may_mean_that_it_is_over_are_a_danger_where_no_report_was_told(
    desk: Desk, library: Library, before: list[str]
) -> None:
    for text in before:
        await say(desk, library, text)
    assert (await say(desk, library, "人已经走了")).startswith("现在就打1")


@pytest.mark.parametrize("told", ["我微信wangfang88", "车牌浙A7K4QM2"])
async def test_what_looks_like_a_code_and_is_nobody_s_is_added_to_the_report(
    desk: Desk, library: Library, told: str
) -> None:
    code = read_code(await say(desk, library, TIP))
    added = await say(desk, library, told)
    asked = await say(desk, library, "进度 7K4Q-M2XD")

    assert (read_code(added), len(await rows(desk, Tip))) == (code, 2)
    assert asked.startswith("没找到")


@pytest.mark.parametrize("first", [TIP, "教学楼着火了"])
async def test_details_told_in_private_join_what_their_sender_said_in_the_group(
    desk: Desk, library: Library, first: str
) -> None:
    await say(desk, library, first, group="c001")
    (case,) = await cases(desk)

    answer = await say(desk, library, "在三楼，戴红帽子")
    other = await say(desk, library, "在三楼，戴红帽子", sender=Sender("u2", "别人", SenderRole.PARENT))

    assert (read_code(answer), await words(desk)) == (case.code, [first, "在三楼，戴红帽子"])
    assert case.code not in other


async def test_whoever_the_guard_found_out_hears_nothing_of_its_case(desk: Desk, library: Library) -> None:
    await add_school(desk.database, desk.sealer)
    await guard(desk, library, talk())
    (case,) = await cases(desk)

    answer = await say(desk, library, "昨天说好的", sender=STRANGER)

    assert (case.code in answer, len(await rows(desk, Tip))) == (False, 1)


async def test_report_in_so_many_words_is_one_of_its_own_after_another_in_the_group(
    desk: Desk, library: Library
) -> None:
    await say(desk, library, "我要举报", group="c001")
    assert WHAT in await say(desk, library, "我要举报")


async def test_account_that_looks_like_a_code_does_not_hide_a_report(desk: Desk, library: Library) -> None:
    answer = await say(desk, library, "有人在宿舍卖烟，我微信wang2345")
    (case,) = await cases(desk)
    alone = await say(desk, library, "WANG-2346", sender=STRANGER)

    assert (read_code(answer), await words(desk)) == (case.code, [f"有人在宿舍卖烟，{LEFT}"])
    assert ("没找到" in alone, await cases(desk)) == (True, [case])


def test_same_word_over_and_over_is_read_in_one_way_only() -> None:
    told = [
        "他们刚刚都走了",
        "他们" + "刚刚都" * 40 + "走了",
        "他们" + "刚刚都" * 40,
    ]  # in all ways it would take for ever
    assert [says_it_is_over(text) for text in told] == [True, True, False]
