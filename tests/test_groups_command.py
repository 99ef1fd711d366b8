import asyncio
import re
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from aiohttp import web

from tests.classroom import ORDER, confirm, make_class
from tests.command_line import CommandLine, Ended
from tests.factories import add_groups, make_group
from tests.receiver import Receiver, receiving
from warden_bot.cli.broadcasts import deliver_here
from warden_bot.environment import utc_now
from warden_bot.handlers.relaying import class_of
from warden_bot.states import ChannelKind
from warden_bot.store.database import Database
from warden_bot.store.links import Links
from warden_bot.store.rooms import said_since
from warden_bot.store.sealing import Sealer

KEY = bytes(range(32)).hex()
SECRETS = [KEY, "a secret of the tests", "key-of-the-robot", "private-zhang"]


@dataclass
class School:
    """A database of the command line's, with groups of every sort."""

    command_line: CommandLine
    database: Database
    receiver: Receiver

    async def run(self, *arguments: str) -> Ended:
        """Run one command; whatever it prints opens nothing."""
        ended = await self.command_line.run(*arguments)
        printed = ended.out + ended.err
        assert not [secret for secret in (*SECRETS, self.receiver.url) if secret in printed]
        assert "Traceback" not in printed
        return ended

    async def all_at_once(self, *commands: str) -> list[Ended]:
        return await asyncio.gather(*(self.run(*command.split()) for command in commands))


@pytest.fixture
async def school(tmp_path: Path, _sqlite_template: Path, sealer: Sealer) -> AsyncIterator[School]:
    shutil.copy(_sqlite_template, tmp_path / "warden.db")
    url = f"sqlite:///{tmp_path / 'warden.db'}"
    settings = {"DATABASE_URL": url, "SECRET_KEYS": KEY, "PUBLIC_URL": "https://warden.example"}
    command_line = CommandLine(tmp_path, settings | {"WEBHOOK_SECRET": "a secret of the tests"})
    database = Database(url)
    async with receiving() as receiver:
        await add_groups(
            database,
            make_class(sealer, "c001", "link"),
            make_class(sealer, "c002", "sandbox:private-zhang", "李老师"),
            make_group(sealer, "c003", channel=ChannelKind.WECOM_ROBOT, address="key-of-the-robot"),
            make_group(sealer, "c004", channel=ChannelKind.WEBHOOK, address=receiver.url),
            make_group(Sealer([bytes(32)]), "c005", channel=ChannelKind.SANDBOX),
        )
        yield School(command_line, database, receiver)
    await database.close()


async def test_codes_to_bind_chats_are_shown_this_once_and_pages_listed_for_their_teachers(
    school: School, sealer: Sealer
) -> None:
    given, listed = await school.all_at_once("groups bind c001 c002 --json", "groups links --json")

    assert (given.code, [list(one) for one in given.json]) == (0, [["group", "name", "code", "expires_at"]] * 2)
    links = Links("https://warden.example", sealer)
    assert [(one["code"], one["name"], one["teacher"]) for one in listed.json] == [
        ("c001", "c001群", "张老师"),
        ("c002", "c002群", "李老师"),
    ]
    async with school.database.read() as session:
        for one in listed.json:
            token = one["link"].removeprefix("https://warden.example/relay/class/")
            assert (await class_of(session, links, token, utc_now())).code == one["code"]


async def test_routes_are_checked_and_a_broken_one_ends_with_1_and_is_known_from_then_on(school: School) -> None:
    checked = await school.run("groups", "ping", "--audience", "all", "--json")
    health, listed = await school.all_at_once("groups health --audience group:c005", "groups list --json")

    assert (checked.code, {one["code"]: one["result"] for one in checked.json}) == (
        1,
        {"c001": "works"} | dict.fromkeys(("c002", "c003", "c004"), "cannot_be_asked") | {"c005": "broken"},
    )
    assert list(checked.json[0]) == ["code", "channel", "result", "reason", "remedy", "platform_words"]
    assert (health.code, len(health.out.splitlines())) == (0, 1)
    assert re.search(r"断了，从 \d\d-\d\d \d\d:\d\d 起：", health.out)
    addresses = {"c001": "…", "c002": "…hang", "c003": "…obot", "c004": "…hook", "c005": "（打不开）"}
    assert {one["code"]: one["address"] for one in listed.json} == addresses


async def test_canary_is_heard_by_one_group_or_says_why_not(school: School) -> None:
    school.receiver.answer = web.Response(status=410)

    refused, handed = await school.all_at_once("groups ping c004", "groups ping c002 --json")

    assert [one["text"] for one in school.receiver.got] == ["这是一次连接测试，不用回复。"]
    assert (refused.code, refused.out.startswith("c004：没送到。这个群的路断了")) == (1, True)
    assert list(handed.json) == ["code", "arrived", "counts", "problems"]
    assert (handed.code, handed.json["arrived"], handed.json["problems"]) == (0, True, [])
    async with school.database.read() as session:
        assert len(await said_since(session, 0, "private-zhang")) == 1


async def test_canary_that_does_not_get_through_is_called_back(
    school: School, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in school.command_line.settings.items():
        monkeypatch.setenv(f"WARDEN_{name}", value)

    result = await deliver_here(replace(ORDER, audience="group:c003"), seconds=0)

    assert {status: count for status, count in result["counts"].items() if count} == {"cancelled": 1}
    assert result["status"] == "cancelled"


async def test_broadcast_that_teachers_have_in_hand_is_done_and_their_posts_are_counted_apart(
    school: School, sealer: Sealer
) -> None:
    audience = "group:c001+group:c002"
    sent = await school.run("broadcast", "send", "--text", ORDER.text, "--audience", audience, "--wait", "--json")
    await confirm(school.database, Links("", sealer), "c002", utc_now())
    shown = await school.run("broadcast", "show", "1", "--json")

    def counts(ended: Ended) -> dict[str, int]:
        return {status: count for status, count in ended.json["counts"].items() if count}

    assert (sent.code, sent.json["status"], counts(sent)) == (0, "completed", {"relay_pending": 2})
    assert (counts(shown), shown.json["relay_waiting"]) == ({"relay_pending": 1, "relayed": 1}, ["c001"])
