"""A tip whose process is killed with -9 after its first write, after its second, and so on until it is through.

`python -m tests.tip_victims URL SEALING_KEY`: each round is a school of its own on one database. A process that has the content in
memory forks the victims, so that a round costs no start of an interpreter. Prints one JSON list: what each round left.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import timedelta

from sqlalchemy import Engine, event

from tests.conftest import CONTENT
from tests.desk import TIP
from tests.factories import NOW, make_message
from tests.plain_database import PlainDatabase
from warden_bot.channels.base import Surroundings
from warden_bot.channels.http import Http
from warden_bot.channels.registry import build_channels
from warden_bot.content.library import Library
from warden_bot.content.loading import load_library
from warden_bot.content.replies import Replies
from warden_bot.domain.message import Sender
from warden_bot.handlers.dispatch import Desk, dispatch, understand
from warden_bot.states import ChannelKind, OfficerRole, SenderRole
from warden_bot.store.database import Database, Session
from warden_bot.store.officers import ADDRESS, DutyShift, Officer
from warden_bot.store.sealing import Sealer

MOST = 50  # writes that a tip may need at most
FIRST_SCHOOL = 1_000
KEPT = "SELECT reply FROM inbox_message WHERE school_id = {}"


@dataclass
class Round:
    """What one kill left, and what the same message got afterwards, twice."""

    school: int
    at: str  # after which write the victim died, or where else
    kept: list[str]  # replies in the inbox after the kill
    again: list[str] = field(default_factory=list)


class Tips:
    """Tells a school's desk the same tip, each time in a process of its own."""

    def __init__(self, url: str, sealer: Sealer, library: Library) -> None:
        self._url, self._sealer, self._library = url, sealer, library

    def rounds(self) -> list[Round]:
        """Kill after every write, before the commit, and after it before anybody is answered."""
        played: list[Round] = []
        for number in range(1, MOST):
            played.append(self._round(FIRST_SCHOOL + number, number))
            if played[-1].at == "answering":
                return played
        raise AssertionError(f"a tip took more than {MOST} writes")

    def _round(self, school: int, number: int) -> Round:
        in_a_process(lambda: asyncio.run(self._put_on_duty(school)))
        at = in_a_process(lambda: asyncio.run(self._be_killed(school, number)), killed=True)
        kept = [reply for (reply,) in PlainDatabase(self._url).rows(KEPT.format(school))]
        again = in_a_process(lambda: json.dumps([asyncio.run(self._tell(school)) for _ in range(2)]))
        return Round(school, at, kept, json.loads(again))

    async def _put_on_duty(self, school: int) -> str:
        database = Database(self._url, school)

        async def work(session: Session) -> None:
            sealed = self._sealer.seal("private:甲", ADDRESS)
            officer = Officer(
                school_id=school,
                name="甲",
                role=OfficerRole.OFFICER,
                channel=ChannelKind.SANDBOX,
                sealed_address=sealed,
                created_at=NOW,
            )
            session.add(officer)
            await session.flush()
            starts_at, ends_at = NOW - timedelta(hours=1), NOW + timedelta(hours=1)
            session.add(DutyShift(school_id=school, officer_id=officer.id or 0, starts_at=starts_at, ends_at=ends_at))

        await database.write(work)
        await database.close()
        return ""

    async def _be_killed(self, school: int, number: int) -> str:
        done = 0

        def statement(*seen: object) -> None:
            nonlocal done
            if str(seen[2]).startswith("SELECT"):
                return
            done += 1
            if done == number:
                die(" ".join(str(seen[2]).split()[:3]))

        def commit(_connection: object) -> None:
            nonlocal done
            done += 1
            if done == number:
                die("commit")

        event.listen(Engine, "after_cursor_execute", statement)
        event.listen(Engine, "commit", commit)
        await self._tell(school)
        die("answering")
        return ""

    async def _tell(self, school: int) -> str:
        database, http = Database(self._url, school), Http()
        around = Surroundings(http, lambda: NOW, words=Replies().say)
        channels = build_channels({ChannelKind.WEBHOOK: {"secret": "s"}}, around)
        desk = Desk(database, channels, self._sealer, None)
        sender = Sender("u1", "某家长", SenderRole.PARENT)
        message = make_message(TIP, message_id="the-same", sender=sender)
        reply = await dispatch(understand(desk, message, self._library, "11月23日", NOW))
        await http.close()
        await database.close()
        return reply.text or ""


WORDS = 1  # the descriptor that a child's last words go to


def die(words: str) -> None:
    """Say where, and be gone."""
    os.write(WORDS, words.encode())
    os.kill(os.getpid(), signal.SIGKILL)


def in_a_process(work: Callable[[], str], *, killed: bool = False) -> str:
    """Run some work in a child; return what it returned, or its last words."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        os.dup2(writing, WORDS)
        ended = 1
        try:
            os.write(WORDS, work().encode())
            ended = 0
        finally:
            os._exit(ended)
    os.close(writing)
    with os.fdopen(reading, "rb") as words:
        said = words.read().decode()
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    assert code == (-signal.SIGKILL if killed else 0), f"ended with {code}: {said}"
    return said


def main(url: str, key: str) -> None:
    """Play all rounds."""
    library = load_library(CONTENT, NOW.date()).library
    _ = library.index  # here, not in each victim
    played = Tips(url, Sealer([bytes.fromhex(key)]), library).rounds()
    sys.stdout.write(json.dumps([asdict(one) for one in played]))


if __name__ == "__main__":
    main(*sys.argv[1:])
