import os
from pathlib import Path

import pytest

from warden_bot.errors import SealBroken
from warden_bot.store.sealing import Sealer, key_beside, key_id

OLD, NEW = bytes(32), bytes(range(32))
WORDS = "北门小店卖电子烟"


def test_sealed_words_open_again_and_never_look_the_same() -> None:
    sealer = Sealer([NEW])

    first, second = sealer.seal(WORDS, "tip.text"), sealer.seal(WORDS, "tip.text")

    assert sealer.open(first, "tip.text") == WORDS
    assert first != second
    assert WORDS.encode() not in first


def test_newest_key_seals_and_every_key_opens() -> None:
    before = Sealer([OLD]).seal(WORDS, "tip.text")
    rotated = Sealer([NEW, OLD])

    assert rotated.open(before, "tip.text") == WORDS
    assert rotated.seal(WORDS, "tip.text")[1:5] == key_id(NEW)


def test_words_sealed_with_a_lost_key_name_the_key() -> None:
    sealed = Sealer([OLD]).seal(WORDS, "tip.text")

    with pytest.raises(SealBroken, match=key_id(OLD).hex()):
        Sealer([NEW]).open(sealed, "tip.text")


def test_changed_or_moved_words_do_not_open() -> None:
    sealer = Sealer([NEW])
    sealed = sealer.seal(WORDS, "tip.text")

    for tampered, context in [(sealed[:-1] + bytes([sealed[-1] ^ 1]), "tip.text"), (sealed, "tip.reporter")]:
        with pytest.raises(SealBroken):
            sealer.open(tampered, context)


def test_keyed_hash_stays_when_a_newer_key_is_put_in_front() -> None:
    assert Sealer([NEW, OLD]).keyed_hash(WORDS) == Sealer([OLD]).keyed_hash(WORDS)
    assert Sealer([NEW]).keyed_hash(WORDS) != Sealer([OLD]).keyed_hash(WORDS)


def test_key_file_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    first = key_beside(tmp_path / "new" / "warden.db")

    assert key_beside(tmp_path / "new" / "warden.db") == first
    assert os.stat(tmp_path / "new" / "warden.db.key").st_mode & 0o777 == 0o600  # noqa: PTH116 -- the bits are what is tested


def test_sealer_does_not_show_its_keys() -> None:
    assert NEW.hex() not in repr(Sealer([NEW]))
