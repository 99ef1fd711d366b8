"""369 rooms hear each broadcast exactly once, whoever is killed in the middle of it."""

import json
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from tests.matrix_server.conftest import MEASURED
from tests.matrix_server.school import ALL, School

Record = Callable[[str, object], None]
THIRD = ALL // 3
OWED = "SELECT count(*) FROM delivery WHERE status IN ('queued', 'sending')"


@pytest.fixture(scope="module")
def school(tmp_path_factory: pytest.TempPathFactory) -> Iterator[School]:
    with School(tmp_path_factory.mktemp("broadcasts")) as opened:
        assert len(opened.rooms) == ALL
        yield opened


def finish(school: School) -> None:
    """Wait until nothing is owed any more."""
    school.wait_until(lambda: school.database.number(OWED) == 0, "everything to be sent")


def assert_heard_once(school: School, text: str, broadcast: int) -> None:
    heard = Counter(one.room for one in school.homeserver.said(text))
    assert heard == Counter(school.rooms)
    counts = school.broadcast(broadcast)["counts"]
    assert {name: count for name, count in counts.items() if count} == {"sent": ALL}


def test_all_rooms_hear_once_though_the_server_is_killed(school: School, record_property: Record) -> None:
    text = "第一则 96110来电请接"
    school.serve()
    begun = time.monotonic()
    broadcast = json.loads(school.run("broadcast", "send", "--text", text, "--json"))["id"]
    school.heard(text, THIRD)
    school.stop_serving(signal.SIGKILL)
    then = len(school.homeserver.said(text))
    school.serve()
    finish(school)
    seconds = time.monotonic() - begun
    school.stop_serving()

    assert THIRD <= then < ALL
    assert_heard_once(school, text, broadcast)
    record_property(MEASURED, f"{ALL} rooms in {seconds:.1f} s; killed when {then} had heard")


def test_all_rooms_hear_once_though_sender_and_homeserver_are_killed(school: School, record_property: Record) -> None:
    """The homeserver must still know the keys of what it took before it was killed."""
    text = "第二则 骑车戴头盔"
    begun = time.monotonic()
    sender = school.start("broadcast", "send", "--text", text, "--wait", "--json")
    school.heard(text, THIRD)
    sender.send_signal(signal.SIGKILL)
    sender.wait()
    then = len(school.homeserver.said(text))
    school.serve()
    school.heard(text, 2 * THIRD)
    school.homeserver.stop(signal.SIGKILL)
    later = len(school.homeserver.said(text))
    school.homeserver.start()
    finish(school)
    seconds = time.monotonic() - begun
    school.stop_serving()

    assert THIRD <= then < later < ALL
    (broadcast,) = [row[0] for row in school.database.rows(f"SELECT id FROM broadcast WHERE text = '{text}'")]
    assert_heard_once(school, text, broadcast)
    words = f"sender killed when {then} had heard, homeserver when {later}"
    record_property(MEASURED, f"{ALL} rooms in {seconds:.1f} s; {words}")
