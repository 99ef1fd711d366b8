"""kill -9 between every two writes of a tip: the platform sends it again, and it is one case with one answer."""

import asyncio
import json
import sys

from tests.conftest import ROOT
from tests.plain_database import PlainDatabase

KEY = "ab" * 32
COUNTS = {
    "cases": "SELECT count(*) FROM duty_case WHERE school_id = {}",
    "tips": "SELECT count(*) FROM tip WHERE school_id = {}",
    "messages": "SELECT count(*) FROM inbox_message WHERE school_id = {}",
    "notices": "SELECT count(*) FROM delivery WHERE school_id = {}",
    "calls": """SELECT count(*) FROM case_event JOIN duty_case ON duty_case.id = case_event.case_id
        WHERE duty_case.school_id = {} AND case_event.kind IN ('notified', 'escalated')""",
}


async def test_killed_tip_is_told_again_and_is_one_case_with_one_answer(database_url: str) -> None:
    pipe = asyncio.subprocess.PIPE
    command = [sys.executable, "-m", "tests.tip_victims", database_url, KEY]
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=pipe, stderr=pipe)
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    rounds = json.loads(out)

    assert {"INSERT INTO duty_case", "INSERT INTO tip", "INSERT INTO delivery"} <= {one["at"] for one in rounds}
    assert [one["at"] for one in rounds][-2:] == ["commit", "answering"]
    for one in rounds:
        committed = one["at"] == "answering"
        assert len(one["kept"]) == committed, f"{one['at']}: half a tip"
        assert one["again"][0]
        assert {*one["kept"], *one["again"]} == {one["again"][0]}, f"{one['at']}: two answers"
        counts = {
            name: PlainDatabase(database_url).number(count.format(one["school"])) for name, count in COUNTS.items()
        }
        assert counts == dict.fromkeys(COUNTS, 1), one["at"]
