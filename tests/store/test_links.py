import base64
import string
from datetime import timedelta

import pytest

from tests.factories import NOW
from warden_bot.errors import LinkRefused
from warden_bot.store.links import Links, Purpose
from warden_bot.store.sealing import Sealer

KEY, NEW_KEY = bytes(range(32)), bytes(range(1, 33))
BASE, KEY_OF_DELIVERY = "https://warden.example", "a1b2c3d4e5f60718-211"
LATER = NOW + timedelta(hours=48)
ALPHABET = string.ascii_letters + string.digits + "-_"


@pytest.fixture
def token(links: Links) -> str:
    return links.token(Purpose.POST, KEY_OF_DELIVERY, LATER)


def refusal(links: Links, purpose: Purpose, token: str, **ahead: float) -> str:
    with pytest.raises(LinkRefused) as caught:
        links.read(purpose, token, NOW + timedelta(**ahead))
    return caught.value.code


def raw(token: str) -> bytes:
    return base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))


def written(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


@pytest.mark.parametrize("subject", [KEY_OF_DELIVERY, "高三211班\n0f", "k" * 270, "x"])
def test_token_gives_its_subject_back_until_its_time_is_over(links: Links, subject: str) -> None:
    token = links.token(Purpose.POST, subject, LATER)

    assert links.read(Purpose.POST, token, LATER - timedelta(microseconds=1)) == subject
    assert refusal(links, Purpose.POST, token, hours=48) == "expired"


def test_part_of_a_minute_lasts_to_its_end(links: Links) -> None:
    token = links.token(Purpose.POST, "x", NOW + timedelta(seconds=61))

    assert links.read(Purpose.POST, token, NOW + timedelta(seconds=119)) == "x"
    assert refusal(links, Purpose.POST, token, seconds=120) == "expired"


@pytest.mark.parametrize(
    ("base", "address"), [("http://h:8080", "http://h:8080/relay/"), ("https://h/p/", "https://h/p/relay/")]
)
def test_addresses_stand_below_the_base(sealer: Sealer, base: str, address: str) -> None:
    links = Links(base, sealer)

    assert links.post("x", LATER) == address + links.token(Purpose.POST, "x", LATER)
    assert links.group("x", LATER) == f"{address}class/{links.token(Purpose.CLASS, 'x', LATER)}"


def test_token_of_one_purpose_opens_nothing_else(links: Links, token: str) -> None:
    page = links.token(Purpose.CLASS, KEY_OF_DELIVERY, LATER)

    assert refusal(links, Purpose.CLASS, token) == "forged"
    assert refusal(links, Purpose.POST, page) == "forged"


def test_every_changed_character_is_noticed(links: Links, token: str) -> None:
    """Also in the last one, some of whose bits mean nothing in base64."""
    for subject in ("x", "xy", "xyz"):
        whole = links.token(Purpose.POST, subject, LATER)
        for place, character in enumerate(whole):
            for other in ALPHABET if place == len(whole) - 1 else "AQgwBx9-_":
                changed = whole[:place] + other + whole[place + 1 :]
                assert other == character or refusal(links, Purpose.POST, changed) == "forged"
    assert links.read(Purpose.POST, token, NOW) == KEY_OF_DELIVERY


def test_time_cannot_be_put_off_nor_the_subject_exchanged(links: Links, token: str) -> None:
    content = raw(token)

    assert refusal(links, Purpose.POST, written(b"\xff\xff\xff\xff" + content[4:])) == "forged"
    assert refusal(links, Purpose.POST, written(content[:-3] + b"212")) == "forged"
    assert refusal(links, Purpose.POST, written(content + b"0")) == "forged"


@pytest.mark.parametrize("length", range(26))
def test_token_without_its_whole_mac_is_refused(links: Links, token: str, length: int) -> None:
    assert refusal(links, Purpose.POST, written(raw(token)[:length])) == "forged"


@pytest.mark.parametrize(
    "junk",
    ["", "x", "签" * 30, "a" * 401, "a" * 10_000, "a+b/" * 9, " " * 30, "a" * 29, "=" * 24, "../" * 9, "a\n" * 12],
)
def test_junk_is_refused(links: Links, token: str, junk: str) -> None:
    assert refusal(links, Purpose.POST, junk) == "forged"
    assert junk == "" or refusal(links, Purpose.POST, token + junk) == "forged"


def test_old_keys_still_open_and_the_newest_signs(token: str) -> None:
    rotated, later = Links(BASE, Sealer([NEW_KEY, KEY])), Links(BASE, Sealer([NEW_KEY]))

    assert rotated.read(Purpose.POST, token, NOW) == KEY_OF_DELIVERY
    assert later.read(Purpose.POST, rotated.token(Purpose.POST, "x", LATER), NOW) == "x"
    assert refusal(later, Purpose.POST, token) == "forged"  # the old key is gone


def test_mac_is_no_seal_and_no_hash_of_another_use(sealer: Sealer) -> None:
    signed = sealer.sign(b"content", "purpose")

    assert len(signed) == 32
    assert sealer.signed(b"content", "purpose", signed[:16])
    assert not sealer.signed(b"content", "purpose", signed[:15])
    assert not sealer.signed(b"content", "purpose", b"")
    assert not sealer.signed(b"content", "purpos", signed)
    assert signed.hex() != sealer.keyed_hash("purpose\x00content")
