from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.command_line import CommandLine
from tests.conftest import CONTENT, ZONE
from tests.factories import add_groups, make_delivery, make_group
from warden_bot.domain.year import SchoolYear, week_start
from warden_bot.environment import utc_now
from warden_bot.states import DeliveryStatus, GroupKind, Priority
from warden_bot.store.broadcasts import Broadcast
from warden_bot.store.database import Database, Session
from warden_bot.store.groups import all_groups
from warden_bot.store.sealing import Sealer

SHAPE = {"campaign", "title", "due_at", "leave_until", "audience", "wording", "skipped"}


@dataclass
class Planning:
    """A folder of content with few pushes, all of them soon."""

    command_line: CommandLine

    def write(self, *entries: str) -> None:
        """Let these be the whole calendar."""
        rows = "".join(f"  - {{{entry}}}\n" for entry in entries)
        (self.command_line.folder / "content" / "calendar.yml").write_text(f"calendar:\n{rows}", encoding="utf-8")

    async def next(self, *arguments: str) -> list[dict[str, Any]]:
        ended = await self.command_line.run("calendar", "next", *arguments, "--json")
        assert ended.code == 0, ended.err
        rows: list[dict[str, Any]] = ended.json
        assert all(set(row) == SHAPE for row in rows)
        return rows


@pytest.fixture
def planning(tmp_path: Path) -> Planning:
    """The shipped content, with a calendar of the test's own."""
    folder = tmp_path / "content"
    folder.mkdir()
    for path in CONTENT.iterdir():
        if path.name != "calendar.yml":
            (folder / path.name).symlink_to(path)
    settings = {"CONTENT_DIR": str(folder), "DATABASE_URL": f"sqlite:///{tmp_path / 'none.db'}"}
    return Planning(CommandLine(tmp_path, settings))


async def test_year_is_shown_without_a_database_and_makes_none(planning: Planning) -> None:
    planning.command_line.settings["CONTENT_DIR"] = str(CONTENT)

    rows = await planning.next("--days", "365", "--from", "2029-09-01")

    assert len(rows) > 35
    assert [row["due_at"] for row in rows] == sorted(row["due_at"] for row in rows)
    assert rows[0]["due_at"] > "2029-08-31T16:00"
    assert all(row["leave_until"] > row["due_at"] for row in rows)
    assert all((row["wording"] is None) == bool(row["skipped"]) for row in rows)
    assert not (planning.command_line.folder / "none.db").exists()


async def test_rule_that_no_shipped_push_has_means_somebody_even_without_a_database(planning: Planning) -> None:
    rules = ("community", "grade:初一", "group:G3-211", "classes-grade:高三")
    planning.write(
        *(
            f'campaign: drugs-vape, date: 2029-09-{number + 3:02}, at: "12:15", audience: "{rule}"'
            for number, rule in enumerate(rules)
        )
    )

    rows = await planning.next("--days", "7", "--from", "2029-09-03")

    assert [(row["audience"], bool(row["wording"])) for row in rows] == [(rule, True) for rule in rules]


@pytest.mark.parametrize("database_url", ["postgresql", "sqlite"], indirect=True)
async def test_real_groups_and_what_they_heard_decide(planning: Planning, database: Database, sealer: Sealer) -> None:
    planning.command_line.settings |= {"DATABASE_URL": database.url, "SECRET_KEYS": bytes(range(32)).hex()}
    full, free = make_group(sealer, "c001", grade="初一"), make_group(sealer, "c002", grade="初二")
    await add_groups(database, full, free, make_group(sealer, "d01", GroupKind.DUTY, ""))
    now = utc_now()
    monday = _ordinary_week(now)
    for days in (0, 1):  # that week's budget of one class is used up
        await _hears(database, "c001", monday + timedelta(days=days, hours=3), now)
    day = monday.astimezone(ZONE).date() + timedelta(days=2)
    audiences = ("group:c001", "grade:初二", "community", "classes")
    planning.write(
        *(
            f'campaign: drugs-vape, date: {day + timedelta(days=number)}, at: "12:15", audience: "{rule}"'
            for number, rule in enumerate(audiences)
        )
    )

    rows = await planning.next("--days", "90")
    seen = await planning.command_line.run("calendar", "next", "--days", "90")

    found = [(row["audience"], row["wording"], row["skipped"]) for row in rows]
    assert [one[:2] for one in found] == [("group:c001", None), ("grade:初二", 1), ("community", None), ("classes", 2)]
    assert "这周已经收到两条" in str(found[0][2])
    assert found[2][2] == "受众里没有群"
    assert (seen.code, seen.out.count("跳过"), len(seen.out.splitlines())) == (0, 2, 4)


@pytest.mark.parametrize("arguments", [("--from", "2027-02-30"), ("--from", "soon"), ("--days", "0")])
async def test_bad_input_is_refused(planning: Planning, arguments: tuple[str, str]) -> None:
    planning.write('campaign: drugs-vape, yearly: "06-26", at: "12:15", sunday: "15:20"')
    ended = await planning.command_line.run("calendar", "next", *arguments)

    assert (ended.code != 0, ended.out, "Traceback" in ended.err) == (True, "", False)


async def test_database_that_cannot_be_reached_is_said_and_the_content_is_shown(planning: Planning) -> None:
    planning.command_line.settings |= {
        "DATABASE_URL": "postgresql://nobody@127.0.0.1:9/none",
        "SECRET_KEYS": bytes(range(32)).hex(),
    }
    planning.write('campaign: drugs-vape, weekly: 周三, at: "12:15"')
    ended = await planning.command_line.run("calendar", "next", "--days", "7")

    assert (ended.code, "没有数据库可看" in ended.err, len(ended.out.splitlines())) == (0, True, 1)


def _ordinary_week(now: datetime) -> datetime:
    """Return when the next week begins that has neither exams nor a festival."""
    year, monday = SchoolYear(), week_start(now, ZONE) + timedelta(days=7)

    def ordinary(day: date) -> bool:
        return year.silence(day) is None and year.most_in_week_of(day) > 1

    while not all(ordinary(monday.astimezone(ZONE).date() + timedelta(days=number)) for number in range(7)):
        monday += timedelta(days=7)
    return monday


async def _hears(database: Database, code: str, at: datetime, now: datetime) -> None:
    async def work(session: Session) -> None:
        (group,) = [one for one in await all_groups(session) if one.code == code]
        broadcast = Broadcast(
            school_id=1,
            key=f"key-{at}",
            campaign="fraud-hotline",
            due_at=at,
            audience="classes",
            text=f"{at:%d}",
            priority=Priority.BROADCAST,
            created_by="campaign:fraud-hotline",
            created_at=now,
        )
        session.add(broadcast)
        await session.flush()
        status = DeliveryStatus.SENT
        session.add(make_delivery(broadcast_id=broadcast.id, group_id=group.id, status=status, finished_at=at))

    await database.write(work)
