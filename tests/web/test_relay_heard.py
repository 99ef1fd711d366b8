import re

from sqlalchemy import update

from tests.alerted import add_alert, asked, end, heard
from tests.classroom import add_classes, hand_over
from tests.conftest import Mailroom
from tests.factories import add_groups, make_group
from tests.site import Client
from tests.teacher_pages import address_of, class_address
from warden_bot.alert_states import AcknowledgedBy, AlertPart, AlertStatus
from warden_bot.handlers.dispatch import Desk
from warden_bot.store.broadcasts import Broadcast
from warden_bot.store.database import Session
from warden_bot.store.links import Links


async def test_teacher_who_has_posted_an_alert_has_said_that_the_class_heard_it(
    client: Client, desk: Desk, mailroom: Mailroom, links: Links
) -> None:
    await add_classes(desk.database, desk.sealer, "link", "link")
    await hand_over(mailroom)
    alert = await add_alert(desk.database)

    async def join(session: Session) -> None:
        await session.execute(update(Broadcast).values(alert_id=alert, part=AlertPart.ORIGINAL))

    await desk.database.write(join)
    address = await address_of(desk, links, "c001")
    class_page = await (await client.get(await class_address(desk, links, "c001"))).text()
    await client.get(address)
    looked = await heard(desk.database, alert)

    for _ in range(2):
        assert (await client.post(f"{address}/posted")).status == 200

    assert ("/heard/" in class_page, looked, await heard(desk.database, alert)) == (False, [], ["c001"])
    assert (await asked(desk.database, alert))["c001"].by is AcknowledgedBy.PAGE


async def test_class_page_has_a_button_for_what_the_bot_itself_said(client: Client, desk: Desk, links: Links) -> None:
    await add_groups(desk.database, make_group(desk.sealer, "c001"), make_group(desk.sealer, "c002"))
    alert, over = await add_alert(desk.database), await add_alert(desk.database, "c001")
    others = await add_alert(desk.database, "c002")
    await end(desk.database, over, AlertStatus.CLEARED)
    address = await class_address(desk, links, "c001")
    page = await (await client.get(address)).text()
    (action,) = re.findall(r'action="([^"]+)"', page)
    looked = await heard(desk.database, alert)

    answers = [await client.post(one) for one in (action, f"{address}/heard/{others}", f"{address}/heard/{over}")]
    forged = await client.post(f"/relay/class/{'A' * 40}/heard/{alert}")

    assert (looked, [one.status for one in answers], forged.status) == ([], [200, 200, 200], 404)
    assert [await heard(desk.database, one) for one in (alert, others, over)] == [["c001"], [], []]
    assert "收到</button>" not in await (await client.get(address)).text()
