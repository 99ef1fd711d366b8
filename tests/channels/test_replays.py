from datetime import timedelta

import pytest

from tests.factories import NOW
from warden_bot.channels import replays
from warden_bot.channels.replays import Replays
from warden_bot.errors import CallbackRejected

WINDOW = timedelta(minutes=5)


def is_refused(kept: Replays, signature: str, body: bytes, seconds: float = 0, *, just_signed: bool = False) -> bool:
    try:
        kept.require_new(signature, body, NOW + timedelta(seconds=seconds), just_signed=just_signed)
    except CallbackRejected as rejected:
        return (rejected.code, rejected.status) == ("replayed", 409)
    return False


def test_same_signature_with_the_same_body_is_the_platform_repeating_itself() -> None:
    kept = Replays(WINDOW)

    assert [is_refused(kept, "s", b"words") for _ in range(3)] == [False, False, False]


def test_same_signature_with_other_words_is_refused_and_stays_refused() -> None:
    kept = Replays(WINDOW)
    kept.require_new("s", b"words", NOW)

    assert [is_refused(kept, "s", body) for body in (b"other", b"other", b"", b"words ", b"words")] == [
        True,
        True,
        True,
        True,
        False,
    ]
    assert not is_refused(kept, "another", b"other")


@pytest.mark.parametrize(("after", "refused"), [(299, True), (300, True), (599, True), (600, False)])
def test_signature_is_kept_as_long_as_its_timestamp_can_be_believed(after: float, refused: bool) -> None:
    """It may have been as far in the future as the window allows, and is believed until as far in the past."""
    kept = Replays(WINDOW)
    kept.require_new("s", b"words", NOW)
    kept.require_new("t", b"words", NOW + timedelta(seconds=1))

    assert is_refused(kept, "s", b"other", after) is refused


def test_being_repeated_does_not_keep_it_longer_or_shorter() -> None:
    kept = Replays(WINDOW)
    for second in range(599):
        kept.require_new("s", b"words", NOW + timedelta(seconds=second))

    assert is_refused(kept, "s", b"other", 599)
    assert not is_refused(kept, "s", b"other", 600)


def test_two_honest_messages_of_one_instant_may_share_a_signature() -> None:
    kept = Replays(WINDOW)
    for body in (b"first", b"second", b"first"):
        kept.require_new("s", body, NOW, just_signed=True)

    assert not is_refused(kept, "s", b"second")
    assert is_refused(kept, "s", b"third")


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replays, "MOST_KEPT", 10)
    kept = Replays(WINDOW)
    for number in range(100):
        kept.require_new(str(number), b"words", NOW)

    assert is_refused(kept, "99", b"other")
    assert is_refused(kept, "91", b"other")
    assert not is_refused(kept, "0", b"other")


def test_one_caught_signature_cannot_fill_the_memory_while_it_is_fresh() -> None:
    kept = Replays(WINDOW)

    refused = [is_refused(kept, "s", str(number).encode(), just_signed=True) for number in range(1000)]

    assert not any(refused[: replays.MOST_SHARING])
    assert all(refused[replays.MOST_SHARING :])
