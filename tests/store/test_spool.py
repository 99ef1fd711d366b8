import json
from collections.abc import Callable
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path

import pytest

from tests.factories import NOW, make_message
from warden_bot.domain.message import InboundMessage, Media, Sender
from warden_bot.states import ChannelKind, SenderRole
from warden_bot.store.sealing import Sealer
from warden_bot.store.spool import SPOOLED, Spool

WORDS = "楼下着火了孩子还在屋里"
WHO = Sender("wx-4711", "小区里的张大嫂", SenderRole.STUDENT)


async def keep(spool: Spool, *texts: str) -> list[str]:
    """Keep messages, a second apart; return their names."""
    for number, text in enumerate(texts):
        await spool.keep(make_message(text, sender=WHO), NOW + timedelta(seconds=number))
    return spool.waiting()


def texts(spool: Spool) -> list[str]:
    found = [spool.read(name) for name in spool.waiting()]
    return [message.text for message, _ in filter(None, found)]


@pytest.mark.parametrize(
    "message",
    [
        make_message(WORDS, sender=WHO),
        make_message(WORDS, group="c001", addressed=False),
        make_message("着火了\x00🔥\n", channel=ChannelKind.SANDBOX, reply_url="https://example.org/back"),
        make_message(WORDS, channel=ChannelKind.ONEBOT, chat="20002000", addressed=False),
        make_message(WORDS, media=(Media("image", "https://qq.com/1"), Media("voice", "a/b", "key"))),
    ],
)
async def test_what_is_kept_comes_back_as_it_was(spool: Spool, message: InboundMessage) -> None:
    await spool.keep(message, NOW)

    (name,) = spool.waiting()
    assert spool.read(name) == (message, NOW)


async def test_file_from_before_chats_and_media_is_still_read(spool: Spool, sealer: Sealer, tmp_path: Path) -> None:
    message = make_message(WORDS, sender=WHO)
    old = {name: value for name, value in asdict(message).items() if name not in ("chat", "media")}
    folder = tmp_path / "spool"
    folder.mkdir()
    sealed = sealer.seal(json.dumps(old | {"received_at": NOW.isoformat()}), SPOOLED)
    (folder / "20261123040000000000-abcdef.sealed").write_bytes(sealed)

    assert spool.read(*spool.waiting()) == (message, NOW)


async def test_oldest_comes_first_and_what_was_dropped_is_gone(spool: Spool) -> None:
    first, _, _ = await keep(spool, "一", "二", "三")

    spool.drop(first)
    spool.drop(first)  # another process has

    assert texts(spool) == ["二", "三"]
    assert spool.read(first) is None


def test_nothing_waits_where_nothing_was_kept(spool: Spool, tmp_path: Path) -> None:
    assert spool.waiting() == []
    assert list(tmp_path.iterdir()) == []


async def test_words_stand_nowhere_in_clear(spool: Spool, tmp_path: Path) -> None:
    await keep(spool, WORDS)

    (path,) = (tmp_path / "spool").iterdir()
    kept = path.name.encode() + path.read_bytes()
    for secret in (WORDS, WHO.id, WHO.name, WHO.role.value):
        assert secret.encode() not in kept
        assert secret.encode("unicode_escape") not in kept


async def test_only_its_owner_may_read_it(spool: Spool, tmp_path: Path) -> None:
    await keep(spool, WORDS)

    (path,) = (tmp_path / "spool").iterdir()
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)


async def test_file_that_was_never_finished_is_not_read(spool: Spool, tmp_path: Path) -> None:
    await keep(spool, "一")

    (tmp_path / "spool" / ".20261123040000000000-abcdef").write_bytes(b"\x01")

    assert texts(spool) == ["一"]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda _sealed: b"",
        lambda sealed: sealed[:1],
        lambda sealed: sealed[:10],
        lambda sealed: sealed[:-1],
        lambda sealed: b"\x02" + sealed[1:],
        lambda sealed: sealed[:-1] + bytes([sealed[-1] ^ 1]),
        lambda _sealed: Sealer([bytes(32)]).seal("{}", "spool.message"),
        lambda _sealed: Sealer([bytes(range(32))]).seal("no JSON", "spool.message"),
        lambda _sealed: Sealer([bytes(range(32))]).seal("{}", "spool.message"),
        lambda _sealed: Sealer([bytes(range(32))]).seal("{}", "tip.text"),
    ],
    ids=["empty", "one byte", "no nonce", "cut", "version", "changed", "other key", "no JSON", "no fields", "moved"],
)
async def test_broken_file_is_set_apart_and_the_others_go_on(
    spool: Spool, tmp_path: Path, caplog: pytest.LogCaptureFixture, spoil: Callable[[bytes], bytes]
) -> None:
    broken, whole = await keep(spool, "一", "二")
    path = tmp_path / "spool" / f"{broken}.sealed"
    spoilt = spoil(path.read_bytes())
    path.write_bytes(spoilt)

    assert texts(spool) == ["二"]

    assert spool.waiting() == [whole]
    assert path.with_suffix(".unreadable").read_bytes() == spoilt  # a person may still find the key
    assert "set apart" in caplog.text


async def test_file_that_the_disk_does_not_give_back_holds_up_nobody(spool: Spool, tmp_path: Path) -> None:
    await keep(spool, "一", "二")
    (tmp_path / "spool" / "00000000000000000000-abcdef.sealed").mkdir()  # reading it fails, even for root

    assert texts(spool) == ["一", "二"]
    assert len(spool.waiting()) == 3  # looked at again: the disk may come back


async def test_folder_that_cannot_be_written_keeps_it_in_memory(
    spool: Spool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "spool").write_bytes(b"")

    first, second = await keep(spool, WORDS, "二")
    assert texts(spool) == [WORDS, "二"]
    spool.drop(first)

    assert spool.waiting() == [second]
    assert "memory only" in caplog.text
    assert not [word for word in (WORDS, WHO.id, WHO.name) if word in caplog.text]


async def test_what_is_in_memory_and_what_is_on_disk_come_in_order(spool: Spool, tmp_path: Path) -> None:
    folder = tmp_path / "spool"
    folder.write_bytes(b"")
    await spool.keep(make_message("先"), NOW)
    folder.unlink()
    await spool.keep(make_message("后"), NOW + timedelta(seconds=1))

    assert texts(spool) == ["先", "后"]
    for name in spool.waiting():
        spool.drop(name)
    assert spool.waiting() == []


async def test_what_no_key_opened_waits_again_once_its_key_is_back(tmp_path: Path) -> None:
    old, new = bytes(32), bytes([7]) * 32
    await keep(Spool(tmp_path, Sealer([old])), "一", "二")
    without = Spool(tmp_path, Sealer([new]))
    assert (texts(without), len(without.set_apart()), without.take_back()) == ([], 2, 0)
    (tmp_path / "20261123040000000000-abcdef.unreadable").write_bytes(b"spoilt")

    both = Spool(tmp_path, Sealer([new, old]))

    assert (both.take_back(), texts(both), len(both.set_apart())) == (2, ["一", "二"], 1)


async def test_everything_is_sealed_with_the_newest_key_and_the_old_one_can_go(tmp_path: Path) -> None:
    old, new, lost = bytes(32), bytes([7]) * 32, bytes([9]) * 32
    for number, key in enumerate((old, new, old, lost)):
        await Spool(tmp_path, Sealer([key])).keep(make_message(str(number)), NOW + timedelta(seconds=number))
    texts(Spool(tmp_path, Sealer([new])))  # sets apart what the new key alone does not open

    both = Spool(tmp_path, Sealer([new, old]))
    counts = [both.reseal(), both.reseal()]

    after = Spool(tmp_path, Sealer([new]))
    assert (counts, texts(after)) == ([(2, 1), (0, 1)], ["0", "1", "2"])
    assert len(both.set_apart()) == 1
    assert sum(both.sealed_by_key().values()) == 4
