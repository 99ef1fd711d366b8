"""Facts about the official QQ bot, a platform that no kind of ours speaks: it cannot push, so it cannot warn a school.

Its signatures (Ed25519 from a repeated secret) are the one thing about it that documents get wrong, and that costs days
to find out: they are kept here, checked, for the day somebody adds that kind.
"""

import json
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.conftest import ROOT

SEED = 32
CASES = json.loads((ROOT / "tests" / "vectors" / "qq_official.json").read_text(encoding="utf-8"))["cases"]
EVENTS = [case for case in CASES if "body" in case]
(HANDSHAKE,) = (case for case in CASES if "response" in case)


def key_of(secret: str) -> Ed25519PrivateKey:
    """The secret, repeated and cut, is the seed."""
    return Ed25519PrivateKey.from_private_bytes((secret.encode() * SEED)[:SEED])


def public_hex(case: dict[str, Any]) -> str:
    return key_of(case["secret"]).public_key().public_bytes_raw().hex()


@pytest.mark.parametrize("case", EVENTS, ids=lambda case: str(case["name"]))
def test_event_is_signed_over_timestamp_and_raw_body(case: dict[str, Any]) -> None:
    signed = f"{case['timestamp']}{case['body']}".encode()
    signature = bytes.fromhex(case["signature_hex_computed"])

    assert (case["secret"].encode() * SEED)[:SEED] == case["seed_utf8"].encode()
    assert public_hex(case) == case["public_key_hex"]
    assert key_of(case["secret"]).sign(signed) == signature
    key_of(case["secret"]).public_key().verify(signature, signed)


@pytest.mark.parametrize("body", ['{ "op": 0,"d": {}, "t": "GATEWAY_EVENT_NAME"}', "{}", ""])
def test_another_body_does_not_verify_not_even_the_one_that_the_documents_print(body: str) -> None:
    case = EVENTS[0]

    with pytest.raises(InvalidSignature):
        key_of(case["secret"]).public_key().verify(
            bytes.fromhex(case["doc_signature"]), f"{case['timestamp']}{body}".encode()
        )


def test_handshake_signs_the_time_and_the_token() -> None:
    told = json.loads(HANDSHAKE["request_body"])["d"]
    signature = key_of(HANDSHAKE["secret"]).sign(f"{told['event_ts']}{told['plain_token']}".encode()).hex()

    assert public_hex(HANDSHAKE) == HANDSHAKE["public_key_hex"]
    assert {"plain_token": told["plain_token"], "signature": signature} == HANDSHAKE["response"]
    assert signature == HANDSHAKE["doc_signature"]
