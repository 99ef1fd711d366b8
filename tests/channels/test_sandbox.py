from tests.channel_cases import SendCase, make_outbound, run_send_case
from tests.conftest import Clock
from warden_bot.channels.base import Surroundings
from warden_bot.channels.http import Http
from warden_bot.channels.sandbox import Sandbox
from warden_bot.store.database import Database
from warden_bot.store.rooms import WORDS, Rooms, said_since
from warden_bot.store.sealing import Sealer


async def test_send_puts_the_text_into_the_room_sealed(database: Database, sealer: Sealer, clock: Clock) -> None:
    sandbox = Sandbox({}, Surroundings(Http(), clock, rooms=Rooms(database, sealer)))

    await run_send_case(sandbox, make_outbound("c001"), SendCase("plain send", None))

    async with database.read() as session:
        (line,) = await said_since(session, 0, "c001")
    assert (line.author, sealer.open(line.sealed_words, WORDS)) == ("bot", "96110来电请接")
    assert b"96110" not in line.sealed_words


def test_long_text_is_cut_as_on_a_real_platform(clock: Clock) -> None:
    sandbox = Sandbox({}, Surroundings(Http(), clock))

    assert len(sandbox.parts(make_outbound("c001", "防" * 2000))) == 2
