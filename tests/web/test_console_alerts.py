import re
from datetime import timedelta

from tests.conftest import Mailroom
from tests.desk import rows
from tests.factories import NOW
from tests.station import LIST, TEXT, TITLE, Station
from tests.tip_pages import picture
from warden_bot.alert_states import AlertKind, AlertSeverity, AlertStatus
from warden_bot.handlers.alert import Wanted, raise_draft
from warden_bot.store.alerts import Alert
from warden_bot.store.database import Session
from warden_bot.store.pictures import Picture


async def test_alert_is_written_seen_submitted_approved_by_another_one_and_heard(station: Station) -> None:
    first, other = station["甲"], station["乙"]
    answer = await first.write(needs_ack="1")
    path = answer.headers["Location"]
    status, draft = await first.get(path)
    assert (status, (await station.alert()).status) == (200, AlertStatus.DRAFT)
    assert "sandbox：1 段，4 个群" in draft
    assert "c001、c002、c003、campus" in draft
    part = f"【{TITLE}】\n{TEXT}\n班主任看到请回“收到”，群里有机器人的请@它。"
    assert f'<pre>{part}</pre><p class="small">{len(part.encode())} 字节' in draft

    assert (await first.post(path, do="submit")).status == 303
    own = (await first.get(path))[1]
    refused = await first.approve(path)
    assert ("批准，五秒后发出" in own, refused.status) == (False, 403)
    assert "自己发起的" in await refused.text()
    assert await station.owed() == 0

    assert "批准，五秒后发出" in (await other.get(path))[1]
    assert (await other.approve(path)).status == 303
    late = await station["所长"].approve(path)
    assert (late.status, "不能批准" in await late.text()) == (409, True)
    counting = (await other.get(path))[1]
    assert "5 秒后发出" in counting
    assert f'<meta http-equiv="refresh" content="6;url={path}">' in counting
    assert counting.index('class="stop"') < counting.index("<h1")
    await station.tick()
    assert await station.owed() == 0
    station.clock.forward(seconds=5)
    assert "正在发出" in (await other.get(path))[1]
    await station.tick()
    assert (await station.owed(), await station.parts()) == (
        4,
        [f"{TEXT}\n班主任看到请回“收到”，群里有机器人的请@它。"],
    )
    after = (await other.get(path))[1]
    assert ('http-equiv="refresh"' in after, "排队 4" in after, "看发到了多少" in after) == (False, True, True)
    for words in ("写了 甲", "批准 乙"):
        assert words in after
    assert "4 个群：发到 0，收到 0" in (await other.get(LIST))[1]


async def test_alert_is_stopped_in_its_last_seconds(station: Station) -> None:
    path = await station["甲"].raised()
    assert (await station["所长"].approve(path)).status == 303
    station.clock.forward(seconds=4)

    stopped = await station["甲"].post(path, do="withdraw")

    assert (stopped.status, (await station.alert()).status) == (303, AlertStatus.WITHDRAWN)
    station.clock.forward(seconds=10)
    await station.tick()
    assert await station.owed() == 0
    page = (await station["甲"].get(stopped.headers["Location"]))[1]
    assert ("停了，没发出的不再发" in page, 'class="stop"' in page) == (True, False)


async def test_alert_that_waits_for_the_morning_can_be_stopped_until_then(station: Station) -> None:
    station.clock.forward(hours=10, minutes=59)  # 22:59 in Shanghai
    path = await station["甲"].raised(severity="warning")
    assert (await station["乙"].approve(path)).status == 303

    page = (await station["乙"].get(path))[1]
    assert ("11-24 06:30 发出" in page, 'class="stop"' in page, 'http-equiv="refresh"' in page) == (True, True, False)


async def test_withdrawal_says_where_it_stays_in_the_groups(station: Station, mailroom: Mailroom) -> None:
    path = await station["甲"].raised(audience="classes")
    await station["乙"].approve(path)
    station.clock.forward(seconds=5)
    await station.tick()
    await mailroom.send_due()
    assert "3 个群：发到 3" in (await station["甲"].get(LIST))[1]

    done = await station["乙"].post(path, do="withdraw", words="发错了")

    page = (await station["乙"].get(done.headers["Location"]))[1]
    assert ("3 个群里的收不回" in page, "<dt>理由</dt><dd>发错了" in page) == (True, True)


async def test_returned_alert_is_seen_in_other_words_and_submitted_again(station: Station) -> None:
    path = await station["甲"].raised()
    assert (await station["乙"].post(path, do="return", words=" ")).status == 409
    assert (await station["乙"].post(path, do="return", words="写上时间")).status == 303
    assert "写上时间" in (await station["甲"].get(path))[1]

    looked = await (await station["甲"].post(path, do="look", title=TITLE, text="五点前接孩子。")).text()
    assert ("五点前接孩子。</pre>" in looked, (await station.alert()).text) == (True, TEXT)
    too_long = await station["甲"].post(path, do="submit", title=TITLE, text="长" * 1001)
    assert (too_long.status, "最多 1000 个字" in await too_long.text()) == (409, True)
    assert (await station["甲"].post(path, do="submit", title=TITLE, text="五点前接孩子。")).status == 303
    found = await station.alert()
    assert (found.text, found.status, found.reason) == ("五点前接孩子。", AlertStatus.AWAITING_APPROVAL, "")


async def test_update_and_all_clear_go_out_from_the_page(station: Station) -> None:
    path = await station["甲"].raised()
    chief = station["所长"]
    await chief.approve(path)
    station.clock.forward(seconds=5)
    await station.tick()

    assert (await chief.post(path, do="update", words="")).status == 409
    assert (await chief.post(path, do="update", words="桥也封了。")).status == 303
    assert (await chief.post(path, do="clear")).status == 303
    parts = await station.parts()
    assert parts[:2] == [TEXT, "桥也封了。"]
    assert parts[2].startswith(f"【解除】{TITLE}")
    page = (await chief.get(path))[1]
    assert all(f"<h2>{one}</h2>" in page for one in ("原文", "更新", "解除"))
    assert 'value="update"' not in page
    again = await chief.post(path, do="update", words="还有一句")
    assert (again.status, "已经解除" in await again.text()) == (409, True)


async def test_missing_child_notice_has_its_picture_made_anew_and_its_words_around_it(station: Station) -> None:
    photo = picture("JPEG", (2400, 100), maker="Acme")
    path = (await station["甲"].write(photo, missing_child="1", hours="6", training="1")).headers["Location"]

    (kept,) = [one for one in await rows(station.desk, Picture) if isinstance(one, Picture)]
    page = (await station["甲"].get(path))[1]
    found = await station.alert()
    assert (kept.media_type, b"Acme" in kept.content, b"Exif" in kept.content) == ("image/jpeg", False, False)
    assert (found.kind, found.lasts_minutes, found.training) == (AlertKind.MISSING_CHILD, 360, True)
    assert "data:image/jpeg;base64," in page
    assert f"【演练】【找孩子】{TEXT}" in page
    assert "发给这 1 个群" in page
    refused = [
        await station["甲"].write(b"no picture", missing_child="1"),
        await station["甲"].write(photo),
        await station["甲"].write(hours="0"),
        await station["甲"].write(severity="loud"),
        await station["甲"].write(rule="everybody"),
    ]
    assert [one.status for one in refused] == [409] * 5
    assert all([TEXT in await one.text() for one in refused])  # nobody types it again
    assert len(await rows(station.desk, Alert)) == 1
    # A browser does not fill in a file again: whoever chose one must not send the notice without it.
    lost = ["照片没存下，要再选一次" in await one.text() for one in refused]
    assert lost == [True, True, False, False, False]


async def test_drafts_that_nobody_wrote_stand_in_the_list_and_are_submitted_there(station: Station) -> None:
    wanted = Wanted(TITLE, TEXT, AlertSeverity.WARNING, "all", AlertKind.FEED)
    bulletin = Wanted("本周情况", TEXT, AlertSeverity.INFO, "campus", AlertKind.BULLETIN)

    async def draft(session: Session) -> int:
        lasts = timedelta(hours=5)
        await raise_draft(session, bulletin, lasts, NOW, submitted=True)
        return (await raise_draft(session, wanted, lasts, NOW)).id or 0

    number = await station.desk.database.write(draft)
    page = (await station["甲"].get(LIST))[1]

    assert page.index("外来预警") < page.index("情况通报")
    assert (await station["甲"].post(f"{LIST}/{number}", do="submit")).status == 303
    assert [(await station[one].approve(f"{LIST}/{number}")).status for one in ("甲", "乙")] == [403, 303]


async def test_nobody_approves_words_that_were_changed_meanwhile(station: Station) -> None:
    path = await station["甲"].raised()
    _, page = await station["所长"].get(path)
    found = re.search(r'name="seen" value="([0-9a-f]+)"', page)
    assert found is not None
    assert (await station["乙"].post(path, do="return", words="写清楚")).status == 303
    assert (await station["甲"].post(path, do="submit", title=TITLE, text="别走河边，走大路。")).status == 303

    late = await station["所长"].post(path, do="approve", seen=found[1])
    blind = await station["所长"].post(path, do="approve")

    assert (late.status, blind.status) == (409, 409)
    assert "看过新的话" in await late.text()
    assert (await station["所长"].approve(path)).status == 303
