import asyncio
import html
import re

import pytest
from sqlalchemy import text

from tests.conftest import Clock
from tests.desk import cases, events, rows
from tests.factories import add_officer_on_duty
from tests.site import Client
from tests.teacher_pages import assert_shielded
from tests.tip_pages import WHAT, challenge, code_of, form, tell, work_on
from warden_bot.handlers.dispatch import Desk
from warden_bot.states import CaseEventKind
from warden_bot.store.cases import TIP_REPORTER, TIP_TEXT, Tip
from warden_bot.store.receipts import Receipt
from warden_bot.store.spool import Spool
from warden_bot.web.challenge import is_worked
from warden_bot.web.tipform import WITH_WORK, WITHOUT_WORK

EVENTS = (
    "北门小卖部躲在里屋卖电子烟给穿校服的",
    "高二三班有人开赌局，一晚上输两百",
    "西门网吧放初中生进去通宵",
    "宿舍3栋有人卖答案，二十块一份",
    "操场后墙有个洞，晚上有人翻进来",
    "校车司机超员，站着十几个孩子",
    "有人在文峰路发传单，叫学生去贷款",
)


async def tip_words(desk: Desk) -> list[str]:
    return [desk.sealer.open(tip.sealed_text, TIP_TEXT) for tip in await rows(desk, Tip) if isinstance(tip, Tip)]


@pytest.mark.parametrize("path", ["/tip", "/tip?lang=en", "/tip/status", "/tip/status?lang=en"])
async def test_page_says_first_what_it_is_not_and_needs_nothing_from_elsewhere(client: Client, path: str) -> None:
    answer = await client.get(path)
    page = await answer.text()

    first = page[page.index("<main>") :]
    assert re.search(r'<main>\s*<p class="first"[^>]*>[^<]*110[^<]*119[^<]*120', first)
    assert "://" not in page
    assert not re.search(r"\son\w+=|style=|<script[^>]*>[^<]", page)
    assert_shielded(answer)
    for found in re.findall(r'(?:src|href)="(/pages/[^"]+)"', page):
        assert (await client.get(found)).status == 200


async def test_tip_opens_a_case_calls_the_officer_and_shows_the_code(client: Client, desk: Desk) -> None:
    await add_officer_on_duty(desk.database, desk.sealer, "甲")

    answer = await tell(client, where="北门", when="中午", contact="房东老王 000", gate="东门")

    page = await answer.text()
    (case,) = await cases(desk)
    (receipt,) = await rows(desk, Receipt)
    assert isinstance(receipt, Receipt)
    assert (answer.status, code_of(page), case.category) == (200, receipt.code, "tip")
    assert case.code not in page
    assert "记下编号" in page
    assert await events(desk, case) == [CaseEventKind.OPENED, CaseEventKind.NOTIFIED]
    assert await tip_words(desk) == [f"{WHAT}\n地点：北门\n时间：中午\n二维码：东门"]
    (tip,) = await rows(desk, Tip)
    assert isinstance(tip, Tip)
    assert "房东老王" in desk.sealer.open(tip.sealed_reporter, TIP_REPORTER)
    assert_shielded(answer)


async def test_emergency_opens_an_emergency_case_and_says_whom_to_call(client: Client, desk: Desk) -> None:
    page = await (await tell(client, what="有人拿刀在校门口砍人")).text()

    (case,) = await cases(desk)
    assert case.danger
    assert re.search(r'<p class="danger">[^<]*110', page)
    assert re.findall(r'href="tel:(\d+)"', page) == ["110", "120", "119"]


async def test_the_same_page_sent_twice_is_one_tip(client: Client, desk: Desk) -> None:
    number = await challenge(client)
    data = {"what": WHAT, "challenge": number}

    answers = await asyncio.gather(*(client.post("/tip", data=form(data)) for _ in range(4)))
    answers.append(await client.post("/tip", data=form(data)))

    codes = {code_of(await one.text()) for one in answers if one.status == 200}
    assert len(codes) == len(await cases(desk)) == len(await rows(desk, Receipt)) == 1
    assert answers[-1].status == 200


async def test_the_same_page_with_other_words_adds_them_and_a_danger_is_a_new_one(client: Client, desk: Desk) -> None:
    number = await challenge(client)
    told = [WHAT, "穿灰衣服的", WHAT, "有人拿刀在校门口砍人", "有人拿刀在校门口砍人"]
    pages = [await (await client.post("/tip", data=form({"what": one, "challenge": number}))).text() for one in told]

    codes = [code_of(page) for page in pages]
    assert codes[0] == codes[1] == codes[2]
    assert codes[3] == codes[4] != codes[0]
    assert [case.danger for case in await cases(desk)] == [True, False]
    assert await tip_words(desk) == [WHAT, "穿灰衣服的", "有人拿刀在校门口砍人"]


async def test_above_the_limit_a_danger_joins_an_open_case_of_the_same_network(client: Client, desk: Desk) -> None:
    answers = [await tell(client, what=f"{number}栋宿舍楼下有人拿刀砍人") for number in range(22)]

    assert {answer.status for answer in answers} == {200}
    assert len({code_of(await answer.text()) for answer in answers}) == len(await tip_words(desk)) == 22
    assert len(await cases(desk)) == 20


@pytest.mark.parametrize("wrong", ["", "A" * 43, "old"])
async def test_danger_is_stored_whatever_page_it_comes_by(client: Client, desk: Desk, clock: Clock, wrong: str) -> None:
    number = await challenge(client) if wrong == "old" else wrong
    clock.forward(hours=25)

    words = ["有人拿刀在校门口砍人", "有人拿刀在校门口砍人" if wrong == "old" else "食堂着火了，烟很大"]
    answers = [await tell(client, what=one, challenge=number, website="x") for one in words]

    codes = {code_of(await answer.text()) for answer in answers}
    told = 1 if wrong == "old" else 2
    assert (
        len(codes) == len(await tip_words(desk)) == len(await cases(desk)) == told
    )  # a stranger's page shares no code


async def test_only_the_last_address_of_all_lines_is_believed(client: Client) -> None:
    async def told(mine: str) -> int:
        headers = [("X-Forwarded-For", mine), ("X-Forwarded-For", "9.9.9.9, 1.2.3.4")]
        fields = {"what": WHAT, "challenge": await challenge(client)}
        return (await client.post("/tip", data=form(fields), headers=headers)).status

    most = range(WITHOUT_WORK + 1)
    assert [await told(f"5.5.5.{number}") for number in most] == [200] * WITHOUT_WORK + [429]


async def test_more_tips_from_one_place_than_anybody_makes_are_told_to_come_later(
    client: Client, desk: Desk, clock: Clock
) -> None:
    without = [(await tell(client)).status for _ in range(WITHOUT_WORK + 1)]
    numbers = [await challenge(client) for _ in range(WITH_WORK - WITHOUT_WORK + 1)]
    fields = [{"what": WHAT, "challenge": one, "work": work_on(one)} for one in numbers]
    worked = [await client.post("/tip", data=form(one)) for one in fields]
    elsewhere = await client.post(
        "/tip", data=form(fields[-1] | {"challenge": await challenge(client)}), headers={"X-Forwarded-For": "1.2.3.4"}
    )
    clock.forward(minutes=10)

    assert without == [200] * WITHOUT_WORK + [429]
    assert [one.status for one in worked] == [200] * (WITH_WORK - WITHOUT_WORK) + [429]
    assert "110" in await worked[-1].text()
    assert (elsewhere.status, (await tell(client)).status) == (200, 200)
    assert await tip_words(desk) == [WHAT] * (WITH_WORK + 2)


async def test_work_that_was_done_once_opens_one_case_however_often_it_is_sent(client: Client, desk: Desk) -> None:
    number = await challenge(client)
    worked = {"challenge": number, "work": work_on(number)}
    other = await challenge(client)

    sent = [
        await client.post(
            "/tip", data=form({"what": f"{place}有人卖电子烟", **worked}), headers={"X-Forwarded-For": line}
        )
        for place, line in zip(
            ("北门", "东门", "西门", "南门"), ("1.2.3.4", "1.2.3.4", "1.2.3.5", "2001:db8::1"), strict=True
        )
    ]

    assert [one.status for one in sent] == [200] * 4
    assert (len({code_of(await one.text()) for one in sent}), len(await cases(desk))) == (1, 1)
    assert (is_worked(number, worked["work"]), is_worked(other, worked["work"])) == (True, False)


async def test_however_much_is_told_none_of_it_is_taken_for_anothers_event(client: Client, desk: Desk) -> None:
    for one in EVENTS:
        await tell(client, what=one)

    assert sorted(await tip_words(desk)) == sorted(EVENTS)
    assert len(await cases(desk)) == len(EVENTS)


async def test_form_without_photos_may_come_as_plain_words(client: Client, desk: Desk) -> None:
    given = {"what": WHAT, "where": "北门 & 西门", "challenge": await challenge(client), "work": ""}

    first, again = [await client.post("/tip", data=given) for _ in range(2)]

    assert (first.request_info.headers["Content-Type"], first.status) == ("application/x-www-form-urlencoded", 200)
    assert code_of(await first.text()) == code_of(await again.text())
    assert await tip_words(desk) == [f"{WHAT}\n地点：北门 & 西门"]


async def test_danger_is_heard_however_much_was_told_from_there(client: Client, desk: Desk) -> None:
    calm = [(await tell(client)).status for _ in range(WITHOUT_WORK + 1)]

    urgent = await tell(client, what="有人拿刀在校门口砍人")

    newest, *_ = await cases(desk)
    assert (calm[-1], urgent.status, newest.danger) == (429, 200, True)


@pytest.mark.parametrize("wrong", ["", "x", "A" * 43, "未知" * 20])
async def test_page_that_is_not_ours_or_too_old_keeps_the_words_and_asks_again(
    client: Client, desk: Desk, wrong: str
) -> None:
    answer = await tell(client, challenge=wrong, what='电子烟"><script>alert(1)</script>')

    page = await answer.text()
    assert (answer.status, await cases(desk)) == (409, [])
    assert "<script>alert" not in page
    assert html.escape('电子烟"><script>alert(1)</script>', quote=False).replace('"', "&#34;") in page


async def test_page_of_yesterday_and_a_filled_trap_ask_again(client: Client, desk: Desk, clock: Clock) -> None:
    number = await challenge(client)
    clock.forward(hours=24)

    assert (await tell(client, challenge=number)).status == 409
    assert (await tell(client, website="https://spam.example")).status == 409
    assert (await tell(client, what="  ")).status == 400
    assert await cases(desk) == []


async def test_ten_thousand_characters_and_only_emoji_are_taken(client: Client, desk: Desk) -> None:
    long = "卖烟的又来了。" * 1400

    assert [(await tell(client, what=one)).status for one in (long, "😡😡")] == [200, 200]
    assert await tip_words(desk) == [long, "😡😡"]


async def test_words_are_kept_for_nobody_to_see_when_there_is_no_database(
    client: Client, desk: Desk, spool: Spool
) -> None:
    number = await challenge(client)
    await desk.database.write(lambda session: session.execute(text("ALTER TABLE receipt RENAME TO gone")))
    try:
        calm = await client.post("/tip", data=form({"what": WHAT, "challenge": number}))
        urgent = await client.post("/tip", data=form({"what": "有人拿刀在校门口砍人", "challenge": number}))
    finally:
        await desk.database.write(lambda session: session.execute(text("ALTER TABLE gone RENAME TO receipt")))

    assert (calm.status, WHAT in await calm.text()) == (503, True)
    assert (urgent.status, 'class="danger"' in await urgent.text()) == (200, True)
    assert len(spool.waiting()) == 1
