import re
from dataclasses import replace

import pytest

from tests.classroom import ORDER, add_classes, call_back, hand_over, make_class, states
from tests.conftest import Mailroom
from tests.factories import NOW, add_groups
from tests.site import Client
from tests.teacher_pages import assert_shielded, class_address, text_of
from warden_bot.handlers.dispatch import Desk
from warden_bot.store.database import Session
from warden_bot.store.groups import group_by_code
from warden_bot.store.links import Links, Purpose


async def test_class_page_lists_what_waits_for_that_class_and_opens_it(
    client: Client, desk: Desk, mailroom: Mailroom, links: Links
) -> None:
    await add_classes(desk.database, desk.sealer, "link", "link")
    for title, audience in (("第一条", "all"), ("", "group:c001"), ("别班的", "group:c002"), ("撤回的", "group:c001")):
        number = await hand_over(mailroom, replace(ORDER, title=title, audience=audience))
    await call_back(desk.database, number, NOW)
    address = await class_address(desk, links, "c001")

    answer = await client.get(address)

    page = await answer.text()
    found = re.findall(r'<a href="(/relay/[^"]+)">([^<]+)</a>', page)
    assert [words for _, words in found] == [f"第一条：{ORDER.text}", ORDER.text]
    assert "c002" not in page
    assert_shielded(answer)
    for link, _ in found:
        assert text_of(await (await client.get(link)).text()).endswith(ORDER.text)
        assert (await client.post(f"{link}/posted")).status == 200
    assert "现在没有要转发的" in await (await client.get(address)).text()
    assert (await states(desk.database))["c002"] == "relay_pending"


@pytest.mark.parametrize(("column", "value"), [("teacher", "李老师"), ("address_hash", "0" * 64), ("code", "c009")])
async def test_class_page_goes_with_its_teacher_and_address(
    client: Client, desk: Desk, mailroom: Mailroom, links: Links, column: str, value: str
) -> None:
    await add_classes(desk.database, desk.sealer, "link")
    await hand_over(mailroom)
    address = await class_address(desk, links, "c001")
    before = await client.get(address)

    async def change(session: Session) -> None:
        group = await group_by_code(session, "c001")
        setattr(group, column, value)
        session.add(group)

    await desk.database.write(change)
    after = await client.get(address)

    assert (before.status, after.status) == (200, 410)
    assert ORDER.title not in await after.text()


async def test_class_page_s_address_names_nobody(desk: Desk, links: Links) -> None:
    long = make_class(desk.sealer, "班" * 64, "link", teacher="张老师" * 150)
    await add_groups(desk.database, long)
    token = (await class_address(desk, links, long.code)).rpartition("/")[2]

    subject = links.read(Purpose.CLASS, token, NOW)

    assert subject.startswith(long.code)
    assert "张" not in subject
