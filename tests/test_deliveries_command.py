import asyncio
from pathlib import Path

import pytest
from sqlmodel import select

from tests.command_line import CommandLine
from tests.factories import NOW, add_groups, add_school, make_delivery, make_group
from tests.outbox_rows import add, reload
from warden_bot.audit_actions import AuditAction
from warden_bot.channels.registry import Channels
from warden_bot.cli.findings import WORDS
from warden_bot.handlers.broadcast import Order, send_by_hand
from warden_bot.states import DeliveryStatus, FindingKind, Priority
from warden_bot.store.audit import AuditEntry
from warden_bot.store.database import Database, Session
from warden_bot.store.findings import mend, note
from warden_bot.store.outbox import Delivery
from warden_bot.store.sealing import Sealer

ORDER = Order("今早有人冒充班主任收款", "骗局预警", "all", Priority.BROADCAST, "cli:test")
FAILED, QUEUED = DeliveryStatus.FAILED, DeliveryStatus.QUEUED
STAMP = "2026-11-23T04:00:00.000000+00:00"


@pytest.fixture
def command_line(database: Database, tmp_path: Path) -> CommandLine:
    """A folder to run commands in, on the test's database of either kind."""
    return CommandLine(tmp_path, {"DATABASE_URL": database.url, "SECRET_KEYS": bytes(range(32)).hex()})


async def fail_one(database: Database, sealer: Sealer) -> int:
    """Make a group and a delivery that its platform refused."""
    await add_groups(database, make_group(sealer, "c001"))
    refused = {"code": "route_broken", "platform_words": "no such room", "attempts": 1, "finished_at": NOW}
    (one,) = await add(database, make_delivery(status=FAILED, group_id=1, **refused))
    return one


async def entries(database: Database) -> list[AuditEntry]:
    async with database.read() as session:
        return list((await session.exec(select(AuditEntry))).all())


async def states(database: Database, ids: list[int]) -> list[DeliveryStatus]:
    return [(await reload(database, one)).status for one in ids]


async def test_failed_deliveries_are_listed_with_the_reason(
    command_line: CommandLine, database: Database, sealer: Sealer
) -> None:
    one = await fail_one(database, sealer)
    await add(database, make_delivery(status=DeliveryStatus.SENT))

    listed = await command_line.run("deliveries", "list", "--status", "failed", "--json")
    words = await command_line.run("deliveries", "list", "--status", "failed", "--status", "unconfirmed")
    none = await command_line.run("deliveries", "list", "--broadcast", "7")

    assert (listed.code, listed.err) == (0, "")
    assert listed.json == [
        {
            "id": one,
            "status": "failed",
            "group": "c001",
            "officer": None,
            "broadcast": None,
            "channel": "sandbox",
            "priority": "broadcast",
            "attempts": 1,
            "code": "route_broken",
            "platform_words": "no such room",
            "created_at": STAMP,
            "started_at": None,
            "not_before": STAMP,
            "finished_at": STAMP,
        }
    ]
    assert words.out == f"{one}  c001  没送到（route_broken no such room）\n"
    assert (none.code, none.out) == (0, "没有这样的投递\n")


async def test_retry_queues_them_again_under_their_keys_and_writes_down_who_did(
    command_line: CommandLine, database: Database
) -> None:
    stranded = [make_delivery(status=status) for status in (FAILED, DeliveryStatus.UNCONFIRMED, DeliveryStatus.EXPIRED)]
    keys = [delivery.key for delivery in stranded]
    ids = await add(database, *stranded)

    ended = await command_line.run("deliveries", "retry", *map(str, ids), "--json")

    assert (ended.code, ended.json) == (0, {"retried": 3})
    assert await states(database, ids) == [QUEUED] * 3
    assert [(await reload(database, one)).key for one in ids] == keys
    (entry,) = await entries(database)
    assert (entry.action, entry.subject) == (AuditAction.DELIVERIES_REPLAYED, f"3: {' '.join(map(str, ids))}")
    assert entry.actor.startswith("cli:")


async def test_retry_of_what_cannot_be_sent_again_is_refused_in_one_line_and_changes_nothing(
    command_line: CommandLine, database: Database
) -> None:
    before = [FAILED, QUEUED, DeliveryStatus.SENT, DeliveryStatus.CANCELLED]
    ids = await add(database, *(make_delivery(status=status) for status in before))

    bad_ones = (*ids[1:], 999)
    runs = [command_line.run("deliveries", "retry", str(ids[0]), str(bad)) for bad in bad_ones]
    for bad, ended in zip(bad_ones, await asyncio.gather(*runs), strict=True):
        assert (ended.code, ended.out) == (1, "")
        (line,) = ended.err.splitlines()
        assert str(bad) in line

    assert await states(database, ids) == before
    assert await entries(database) == []


async def test_retry_of_a_broadcast_takes_all_that_it_did_not_reach(
    command_line: CommandLine, database: Database, sealer: Sealer, channels: Channels
) -> None:
    await add_school(database, sealer)

    async def work(session: Session) -> None:
        await send_by_hand(session, ORDER, channels, NOW)
        rows = (await session.exec(select(Delivery))).all()
        for row, status in zip(rows, (FAILED, FAILED, DeliveryStatus.SENT, QUEUED), strict=True):
            row.status = status
            session.add(row)

    await database.write(work)

    first = await command_line.run("deliveries", "retry", "--broadcast", "1")
    again = await command_line.run("deliveries", "retry", "--broadcast", "1")

    assert (first.code, first.err) == (0, "")
    assert first.out.startswith("2 条重新排队")
    assert (again.code, again.out, again.err) == (1, "", "广播 1 没有要再发的\n")


async def test_broadcast_is_cancelled_once(
    command_line: CommandLine, database: Database, sealer: Sealer, channels: Channels
) -> None:
    await add_school(database, sealer)
    await database.write(lambda session: send_by_hand(session, ORDER, channels, NOW))

    first = await command_line.run("broadcast", "cancel", "1", "--json")
    again = await command_line.run("broadcast", "cancel", "1")
    unknown = await command_line.run("broadcast", "cancel", "7")

    assert (first.code, first.json["status"], first.json["counts"]["cancelled"]) == (0, "cancelled", 4)
    assert first.json["problems"] == []
    assert (again.code, again.out, len(again.err.splitlines())) == (1, "", 1)
    assert (unknown.code, unknown.out, unknown.err) == (1, "", "没有广播 7\n")
    assert [entry.action for entry in await entries(database)] == [
        AuditAction.BROADCAST_SENT,
        AuditAction.BROADCAST_CANCELLED,
    ]


async def test_cancel_of_a_broadcast_that_has_left_is_refused(
    command_line: CommandLine, database: Database, sealer: Sealer
) -> None:
    await add_school(database, sealer)
    sent = await command_line.run("broadcast", "send", "--text", "今早有人冒充班主任收款", "--wait", "--json")

    ended = await command_line.run("broadcast", "cancel", "1")
    shown = await command_line.run("broadcast", "show", "1", "--json")

    assert (sent.code, sent.json["counts"]["sent"]) == (0, 4)
    assert (ended.code, ended.out, ended.err) == (1, "", "广播 1 已经发完，没有可以撤回的\n")
    assert shown.json == sent.json | {name: shown.json[name] for name in shown.json.keys() - sent.json.keys()}
    assert shown.json["status"] == "completed"


async def test_open_findings_are_listed_unless_all_are_wanted(command_line: CommandLine, database: Database) -> None:
    async def work(session: Session) -> None:
        for _ in range(2):
            await note(session, FindingKind.ROUTE_BROKEN, "c001", "invalid webhook url", NOW)
        await note(session, FindingKind.OUTBOX_LATE, "outbox", "130 s", NOW)
        await mend(session, FindingKind.OUTBOX_LATE, NOW)

    await database.write(work)

    listed = await command_line.run("findings", "list", "--json")
    words = await command_line.run("findings", "list", "--all")

    assert (listed.code, listed.err) == (0, "")
    assert listed.json == [
        {
            "id": 1,
            "kind": "route_broken",
            "subject": "c001",
            "words": "invalid webhook url",
            "times": 2,
            "found_at": STAMP,
            "seen_at": STAMP,
            "repaired_at": None,
            "told_at": None,
        }
    ]
    assert sorted(words.out.splitlines()) == [
        "11-23 12:00  群发不进去：c001 invalid webhook url（还没好，2 次）",
        "11-23 12:00  该发的没有人发：outbox 130 s（已好，1 次）",
    ]


@pytest.mark.parametrize("command", ["deliveries list", "findings list"])
async def test_nothing_to_list_is_an_empty_document(command_line: CommandLine, command: str) -> None:
    ended = await command_line.run(*command.split(), "--json")

    assert (ended.code, ended.json, ended.err) == (0, [], "")


@pytest.mark.parametrize(
    "arguments",
    [
        "deliveries retry",
        "deliveries retry 1 --broadcast 1",
        "deliveries retry 0",
        "deliveries retry 9223372036854775808",
        "deliveries list --status lost",
        "broadcast cancel",
        "findings list --some",
    ],
)
async def test_wrong_usage_ends_with_2(tmp_path: Path, arguments: str) -> None:
    ended = await CommandLine(tmp_path, {"DATABASE_URL": f"sqlite:///{tmp_path / 'none.db'}"}).run(*arguments.split())

    assert (ended.code, ended.out) == (2, "")


def test_every_kind_of_finding_has_words() -> None:
    assert set(WORDS) == {kind.value for kind in FindingKind}
