import re
from dataclasses import replace
from datetime import timedelta

from aiohttp.test_utils import TestClient, TestServer

from tests.alerted import add_alert
from tests.classroom import ORDER, WHOLE, add_classes, call_back, hand_over, key_of, make_class, remind, states
from tests.conftest import Clock, Mailroom
from tests.factories import NOW, add_groups
from tests.site import Client, make_house
from tests.teacher_pages import GONE, LATER, address_of, assert_shielded, class_address, read, text_of
from warden_bot.alert_states import AlertPart
from warden_bot.content.shelf import Shelf
from warden_bot.handlers.dispatch import Desk
from warden_bot.store.broadcasts import Broadcast
from warden_bot.store.database import Session
from warden_bot.store.links import Links, Purpose
from warden_bot.store.pictures import Picture
from warden_bot.store.sealing import Sealer
from warden_bot.store.spool import Spool
from warden_bot.web.routes import build_site

THANKS, WITHDRAWN = "已经发了，谢谢。这条不用再发。", "这条已经撤回，请不要发。"


async def test_page_shows_the_text_and_the_group_s_name_and_nothing_else(
    client: Client, desk: Desk, mailroom: Mailroom, links: Links
) -> None:
    await add_classes(desk.database, desk.sealer, "link", "link")
    await hand_over(mailroom)

    answer = await client.get(await address_of(desk, links, "c001"))

    page = await answer.text()
    reading = read(page)
    assert (answer.status, text_of(page)) == (200, WHOLE)
    assert [words for words in reading.seen if words != WHOLE] == [
        "请转发到c001群",
        "请转发到c001群",
        "复制下面的文字，到班级群里粘贴、发送。",
        "回到这里，点“已经发了”。",
        "长按上面的文字，选“全选”“复制”。",
        "已经发了",
        "这个网页只有这一条内容，过期就打不开。请不要把网址发到群里。",
    ]
    assert "复制文字" in reading.hidden  # what needs the script is not there without it
    assert_shielded(answer)


async def test_page_needs_nothing_from_elsewhere_and_runs_no_script_of_its_own(
    client: Client, desk: Desk, mailroom: Mailroom, links: Links
) -> None:
    await add_classes(desk.database, desk.sealer, "link")
    await hand_over(mailroom)
    page = await (await client.get(await address_of(desk, links, "c001"))).text()

    assert "://" not in page
    assert re.findall(r"<script[^>]*>(.*?)</script>", page, re.DOTALL) == [""]
    assert not re.search(r"\son\w+=|style=", page)
    for path in re.findall(r'(?:src|href)="(/[^"]+)"', page):
        answer = await client.get(path)
        assert (answer.status, "://" in await answer.text()) == (200, False)


async def test_who_only_looks_confirms_nothing(client: Client, desk: Desk, mailroom: Mailroom, links: Links) -> None:
    """Messengers fetch addresses to show what is behind them, browsers fetch them ahead, scanners try everything."""
    await add_classes(desk.database, desk.sealer, "link")
    await hand_over(mailroom)
    address = await address_of(desk, links, "c001")

    for path in (address, f"{address}/posted"):
        for method in ("GET", "HEAD", "OPTIONS", "PUT", "DELETE"):
            answer = await client.request(method, path, headers={"Sec-Purpose": "prefetch", "Purpose": "prefetch"})
            assert answer.status == (200 if method in ("GET", "HEAD") else 405)

    assert await states(desk.database) == {"c001": "relay_pending"}


async def test_one_tap_confirms_and_a_second_one_says_the_same(
    client: Client, desk: Desk, mailroom: Mailroom, links: Links
) -> None:
    await add_classes(desk.database, desk.sealer, "link", "link")
    await hand_over(mailroom)
    address = await address_of(desk, links, "c002")
    (action,) = re.findall(r'<form method="post" action="([^"]+)">', await (await client.get(address)).text())

    answers = [await client.post(action) for _ in range(2)] + [await client.get(action), await client.get(address)]

    assert [(one.status, read(await one.text()).seen[-1]) for one in answers] == [(200, THANKS)] * 4
    assert await states(desk.database) == {"c001": "relay_pending", "c002": "relayed"}
    for one in answers:
        assert_shielded(one)


async def test_withdrawn_page_says_so_and_its_button_changes_nothing(
    client: Client, desk: Desk, mailroom: Mailroom, links: Links
) -> None:
    await add_classes(desk.database, desk.sealer, "link")
    await call_back(desk.database, await hand_over(mailroom), NOW)
    address = await address_of(desk, links, "c001")

    answers = [await client.get(address), await client.post(f"{address}/posted")]

    assert [(one.status, WITHDRAWN in await one.text()) for one in answers] == [(200, True)] * 2
    assert ORDER.text not in await answers[0].text()
    assert await states(desk.database) == {"c001": "cancelled"}


async def test_page_of_what_nobody_posted_in_time_says_so(
    client: Client, desk: Desk, mailroom: Mailroom, links: Links
) -> None:
    await add_classes(desk.database, desk.sealer, "link")
    await hand_over(mailroom)
    await remind(desk.database, desk.channels, desk.sealer, NOW + timedelta(hours=49))

    page = await (await client.get(await address_of(desk, links, "c001"))).text()

    assert read(page).seen[-1] == "这条已经过期，不用发了。"


async def test_address_that_is_not_ours_or_too_old_opens_nothing(
    client: Client, desk: Desk, mailroom: Mailroom, links: Links, clock: Clock
) -> None:
    await add_classes(desk.database, desk.sealer, "link")
    await hand_over(mailroom)
    key = await key_of(desk.database, "c001")
    foreign = Links("", Sealer([bytes(32)]))
    good, page = links.token(Purpose.POST, key, LATER), links.token(Purpose.CLASS, key, LATER)
    statuses = {
        f"/relay/{foreign.token(Purpose.POST, key, LATER)}": 404,
        f"/relay/{page}": 404,
        f"/relay/{good[:-1]}": 404,
        f"/relay/class/{good}": 404,
        "/relay/class/posted": 404,
        "/relay/x": 404,
        f"/relay/{links.token(Purpose.POST, 'nobody-1', LATER)}": 410,
        f"/relay/{links.token(Purpose.POST, 'nobody', LATER)}": 410,
        f"/relay/{links.token(Purpose.POST, key, NOW)}": 410,
        f"/relay/class/{page}": 410,
    }

    for path, status in statuses.items():
        answer = await client.get(path)
        assert (path, answer.status, GONE in await answer.text()) == (path, status, True)
        assert_shielded(answer)
        if "class" not in path:
            posted = await client.post(f"{path}/posted")
            assert (path, posted.status) == (path, status)
    assert (await client.get(f"/relay/{good}")).status == 200
    clock.now = LATER
    assert (await client.post(f"/relay/{good}/posted")).status == 410
    assert await states(desk.database) == {"c001": "relay_pending"}


HOSTILE = """</pre><script>alert(1)</script>"><img src=x onerror=alert(2)>{{ 7*7 }}{% raw %}&lt;&amp;'`\n第二行"""


async def test_hostile_words_are_shown_as_they_are(
    client: Client, desk: Desk, mailroom: Mailroom, links: Links
) -> None:
    group = make_class(desk.sealer, "c001", "link")
    group.name = HOSTILE.replace("\n", "")
    await add_groups(desk.database, group)
    await hand_over(mailroom, replace(ORDER, title=HOSTILE, text=HOSTILE))
    addresses = [await address_of(desk, links, "c001"), await class_address(desk, links, "c001")]

    pages = [await (await client.get(address)).text() for address in addresses]

    assert text_of(pages[0]) == f"【{HOSTILE}】\n{HOSTILE}"
    for page in pages:
        assert not re.search(r"<img src=x|<script>|alert\(1\)</script>", page)
    assert f"请转发到{group.name}" in read(pages[0]).seen


async def test_page_signed_with_the_old_key_still_opens_after_a_new_one_is_made(
    desk: Desk, spool: Spool, clock: Clock, mailroom: Mailroom, links: Links, shelf: Shelf
) -> None:
    await add_classes(desk.database, desk.sealer, "link")
    await hand_over(mailroom)
    rotated = replace(desk, sealer=Sealer([bytes(32), bytes(range(32))]))
    house = make_house(rotated, spool, clock, shelf, demo=False)
    async with TestClient(TestServer(build_site(house))) as client:
        answer = await client.get(await address_of(desk, links, "c001"))

        posted = await client.post(f"{await address_of(desk, links, 'c001')}/posted")

    assert (answer.status, posted.status) == (200, 200)
    assert await states(desk.database) == {"c001": "relayed"}


async def test_picture_of_an_alert_can_be_seen_and_saved_until_the_text_is_posted(
    client: Client, desk: Desk, mailroom: Mailroom, links: Links
) -> None:
    await add_classes(desk.database, desk.sealer, "link", "link")
    number = await hand_over(mailroom)
    without = await (await client.get(await address_of(desk, links, "c001"))).text()

    alert = await add_alert(desk.database, "nobody", needs_ack=False)

    async def give_picture(session: Session) -> None:
        session.add(Picture(school_id=1, alert_id=alert, content=b"png", media_type="image/png", created_at=NOW))
        broadcast = await session.get(Broadcast, number)
        assert broadcast is not None
        broadcast.alert_id, broadcast.part = alert, AlertPart.ORIGINAL
        session.add(broadcast)

    await desk.database.write(give_picture)
    address = await address_of(desk, links, "c001")
    page = await (await client.get(address)).text()
    picture = await client.get(f"{address}/picture")
    content = await picture.read()
    await client.post(f"{address}/posted")
    gone = await client.get(f"{address}/picture")

    assert (f'src="{address}/picture"' in page, f'src="{address}/picture"' in without) == (True, False)
    assert (picture.status, picture.content_type, content) == (200, "image/png", b"png")
    assert_shielded(picture)
    assert gone.status == 410
