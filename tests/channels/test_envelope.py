import base64
import struct
from contextlib import suppress
from datetime import timedelta

import pytest

from tests.factories import NOW
from tests.wecom_envelope import AES_KEY, CASES, TOKEN, VECTORS, encrypt, encrypt_blocks, pad, sign
from warden_bot.channels.envelope import Envelope, decrypt, read_aes_key, require_fresh, require_signature
from warden_bot.errors import CallbackRejected

STAMP, NONCE = "1767225600", "1372623149"
CORP = "wwa1b2c3d4e5f60708"
NEGATIVE = {one["name"]: one for one in VECTORS["negative"]}
TENCENT = VECTORS["tencent_demo_sample"]


def refusal(envelope: Envelope, encrypted: str, signature: str | None = None) -> tuple[str, int]:
    """Open something that is rightly signed, unless said otherwise, and return why that failed."""
    with pytest.raises(CallbackRejected) as caught:
        envelope.open(signature or sign(TOKEN, STAMP, NONCE, encrypted), STAMP, NONCE, encrypted)
    return caught.value.code, caught.value.status


@pytest.fixture
def envelope() -> Envelope:
    return Envelope(TOKEN, AES_KEY, CORP)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_vector_in_both_directions(case: dict[str, str]) -> None:
    envelope = Envelope(case["token"], case["encoding_aes_key"], case["receiveid"])
    message, stamp, nonce = case["message"].encode(), case["timestamp"], case["nonce"]

    assert read_aes_key(case["encoding_aes_key"]).hex() == case["aes_key_hex"]
    assert envelope.open(case["msg_signature"], stamp, nonce, case["encrypt"]) == message
    closed = envelope.close(message, stamp, nonce, case["random16_utf8"].encode())
    assert closed == (case["encrypt"], case["msg_signature"])


@pytest.mark.parametrize(("name", "encrypted"), [("verify", "echostr"), ("message", "encrypt")])
def test_vendor_s_own_sample(name: str, encrypted: str) -> None:
    one = TENCENT[name]
    envelope = Envelope(TENCENT["token"], TENCENT["encoding_aes_key"], TENCENT["receiveid"])

    opened = envelope.open(one["msg_signature"], one["timestamp"], one["nonce"], one[encrypted])

    assert opened.decode() == one["decrypted"]


def test_negative_vectors(envelope: Envelope) -> None:
    good = CASES[0]
    other = Envelope(TOKEN, AES_KEY, NEGATIVE["wrong_receiveid"]["expected_receiveid"])

    tampered = NEGATIVE["tampered_signature"]["msg_signature"]
    assert refusal(envelope, good["encrypt"], tampered) == ("bad_signature", 401)
    assert refusal(other, good["encrypt"]) == ("wrong_receiver", 403)
    assert refusal(Envelope(TOKEN, AES_KEY, ""), NEGATIVE["bad_length"]["encrypt"]) == ("malformed", 400)


@pytest.mark.parametrize("length", [*range(70), 1000, 65_536])
def test_what_is_closed_opens(envelope: Envelope, length: int) -> None:
    message = bytes(range(256)) * (length // 256) + bytes(length % 256)

    encrypted, signature = envelope.close(message, STAMP, NONCE, b"0123456789abcdef")

    assert encrypted == encrypt(message, CORP)
    assert envelope.open(signature, STAMP, NONCE, encrypted) == message


def test_any_bit_changed_on_the_way_breaks_the_signature(envelope: Envelope) -> None:
    encrypted = encrypt("反诈热线".encode(), CORP)
    signature = sign(TOKEN, STAMP, NONCE, encrypted)
    raw = base64.b64decode(encrypted)
    for place in range(len(raw) * 8):
        flipped = bytearray(raw)
        flipped[place // 8] ^= 1 << place % 8
        assert refusal(envelope, base64.b64encode(flipped).decode(), signature) == ("bad_signature", 401)


def test_any_bit_changed_and_signed_again_never_opens_as_another_receiver_or_length(envelope: Envelope) -> None:
    """Whoever knew the token but not the key could do this; what opens is at worst the message that they garbled."""
    message = b"ask" * 9
    raw = base64.b64decode(encrypt(message, CORP))
    for place in range(len(raw) * 8):
        flipped = bytearray(raw)
        flipped[place // 8] ^= 1 << place % 8
        encrypted = base64.b64encode(flipped).decode()
        with suppress(CallbackRejected):
            opened = envelope.open(sign(TOKEN, STAMP, NONCE, encrypted), STAMP, NONCE, encrypted)
            assert len(opened) == len(message)


@pytest.mark.parametrize("place", range(4 * 8))
def test_any_bit_of_the_length_counts(envelope: Envelope, place: int) -> None:
    message = b"ask" * 9
    length = struct.pack(">I", len(message) ^ (1 << place))

    encrypted = encrypt_blocks(pad(b"0123456789abcdef" + length + message + CORP.encode()))

    assert refusal(envelope, encrypted) in (("malformed", 400), ("wrong_receiver", 403))


@pytest.mark.parametrize("padding", [0, *range(2, 33), 33, 48, 64, 200, 255])
def test_padding_byte_is_the_number_of_padding_bytes(envelope: Envelope, padding: int) -> None:
    plain = b"0123456789abcdef" + struct.pack(">I", 25) + b"x" * 25 + CORP.encode()
    assert len(plain) % 32 == 31

    assert envelope.open(sign(TOKEN, STAMP, NONCE, good := encrypt_blocks(plain + b"\x01")), STAMP, NONCE, good)
    assert refusal(envelope, encrypt_blocks(plain + bytes([padding]))) == ("malformed", 400)


@pytest.mark.parametrize("place", range(20 * 8))
def test_any_bit_of_the_padding_counts(envelope: Envelope, place: int) -> None:
    plain = bytearray(pad(b"0123456789abcdef" + struct.pack(">I", 6) + b"x" * 6 + CORP.encode()))
    assert plain[-1] == 20

    plain[len(plain) - 20 + place // 8] ^= 1 << place % 8

    assert refusal(envelope, encrypt_blocks(bytes(plain))) in (("malformed", 400), ("wrong_receiver", 403))


@pytest.mark.parametrize(
    "plain",
    [
        b"\x20" * 32,  # nothing but padding
        bytes(18) + b"\x0e" * 14,  # too short for a length
        b"\x10" * 16,  # half a block, all padding
        b"0123456789abcdef" + struct.pack(">I", 2**32 - 1) + b"x" * 11 + b"\x01",
        b"0123456789abcdef" + struct.pack(">I", 12) + b"x" * 11 + b"\x01",  # one byte beyond the end
    ],
)
def test_plain_text_that_is_too_short_for_what_it_says(plain: bytes) -> None:
    assert refusal(Envelope(TOKEN, AES_KEY, ""), encrypt_blocks(plain)) == ("malformed", 400)


GOOD = CASES[0]["encrypt"]


@pytest.mark.parametrize(
    "encrypted",
    [
        "",
        "=",
        GOOD.rstrip("="),
        GOOD + "=",
        GOOD + "==",
        GOOD + "AAAA",
        "=" + GOOD,
        GOOD[:40] + "\n" + GOOD[40:],
        GOOD[:40] + " " + GOOD[40:],
        " " + GOOD,
        GOOD + "\n",
        GOOD.replace("+", "-").replace("/", "_"),
        GOOD.replace("Q3st", "Ｑ3st"),
        GOOD[:-4],
        GOOD[:20],
        "\ud800",
        "签名",
    ],
)
def test_base64_is_taken_strictly(envelope: Envelope, encrypted: str) -> None:
    assert refusal(envelope, encrypted) == ("malformed", 400)


@pytest.mark.parametrize("given", ["", "0" * 40, "签名" * 20, "\ud800", "x" * 100_000])
def test_signature_that_is_none(envelope: Envelope, given: str) -> None:
    with pytest.raises(CallbackRejected) as caught:
        envelope.open(given, STAMP, NONCE, GOOD)

    assert (caught.value.code, caught.value.status) == ("bad_signature", 401)


@pytest.mark.parametrize("place", range(4))
def test_every_word_is_signed(place: int) -> None:
    words = [TOKEN, STAMP, NONCE, GOOD]
    good = sign(*words)
    require_signature(good, *words)

    for other in ("", "x" + words[place], words[place][:-1], "\ud800"):
        with pytest.raises(CallbackRejected):
            require_signature(good, *words[:place], other, *words[place + 1 :])
    with pytest.raises(CallbackRejected):
        require_signature(good.upper(), *words)


@pytest.mark.parametrize("cipher", [b"", b"x" * 15, b"x" * 17, b"x" * 33])
def test_cipher_has_whole_blocks(cipher: bytes) -> None:
    with pytest.raises(CallbackRejected) as caught:
        decrypt(read_aes_key(AES_KEY), cipher)

    assert caught.value.code == "malformed"


@pytest.mark.parametrize(
    ("timestamp", "fine"),
    [
        (NOW.timestamp(), True),
        (NOW.timestamp() - 299, True),
        (NOW.timestamp() + 299, True),
        (NOW.timestamp() - 300, False),
        (NOW.timestamp() + 300, False),
        ("", False),
        ("now", False),
        ("-1", False),
        ("1e9", False),
        (f"{NOW.timestamp()}", False),
        (f" {int(NOW.timestamp())}", False),
        (f"{int(NOW.timestamp())}\n", False),
        ("１７９５４０６４００", False),
        ("99999999999", False),
        ("9" * 400, False),
    ],
)
def test_timestamp_is_near(timestamp: float | str, fine: bool) -> None:
    given = timestamp if isinstance(timestamp, str) else str(int(timestamp))

    if fine:
        require_fresh(given, NOW, timedelta(minutes=5))
        return
    with pytest.raises(CallbackRejected) as caught:
        require_fresh(given, NOW, timedelta(minutes=5))
    assert (caught.value.code, caught.value.status) == ("stale", 401)


@pytest.mark.parametrize(
    "aes_key", ["", "a" * 42, "a" * 44, "a" * 42 + "=", "a" * 42 + "\n", "密" * 43, "a" * 42 + "-"]
)
def test_aes_key_has_43_characters(aes_key: str) -> None:
    with pytest.raises(ValueError, match="43 characters") as caught:
        read_aes_key(aes_key)

    assert not aes_key or aes_key not in str(caught.value)


def test_envelope_shows_no_secret(envelope: Envelope) -> None:
    assert TOKEN not in repr(envelope)
    assert AES_KEY not in repr(envelope)
