from tests.classroom import add_classes
from tests.conftest import ZONE
from tests.handlers.test_class_card import DECEMBER, DUE, ask
from tests.site import Client
from tests.teacher_pages import class_address, read
from warden_bot.content.library import Library
from warden_bot.handlers.class_card import CardMaking, make_cards
from warden_bot.handlers.dispatch import Desk
from warden_bot.store.links import Links


async def test_class_page_shows_its_own_card_and_nothing_before_there_is_one(
    client: Client, desk: Desk, library: Library, links: Links
) -> None:
    await add_classes(desk.database, desk.sealer, "link", "link")
    address = await class_address(desk, links, "c001")
    before = await (await client.get(address)).text()
    await ask(desk, "c001", 7)
    await ask(desk, "c002", 8)
    making = CardMaking(library, desk.channels, desk.sealer, ZONE, DECEMBER)
    await desk.database.write(lambda session: make_cards(session, making, DUE))

    seen = " ".join(read(await (await client.get(address)).text()).seen)

    assert ("班级卡" in before, "【12月班级卡】c001群" in seen, "7次" in seen, "8次" in seen) == (
        False,
        True,
        True,
        False,
    )
