"""A platform that swallows a request whose JSON it has seen: that makes a resend harmless, and loses a second warning.

So every message that is not a resend ends in a mark of its own, and the same message is written in one way only.
"""

import hashlib
import json

LENGTH = 6  # two keys within the platform's memory share a mark once in 16^6
# Letters only, for digits under a police text get dialled; and none that reads like a digit or like a hex digit.
LETTERS = str.maketrans("0123456789", "ghjkmnpqrs")


def mark(word: str, key: str) -> str:
    """Return the last line of a message: `word`, and letters that are the same for the same key only.

    The word is never 编号, which is what cases have.
    """
    letters = hashlib.sha256(key.encode()).hexdigest()[:LENGTH].translate(LETTERS)
    return f"\n〔{word} {letters}〕"


def room_for_mark(word: str) -> int:
    """Return how many bytes a mark takes."""
    return len(mark(word, "").encode())


def one_way_json(document: object) -> bytes:
    """Write JSON so that the same document is the same bytes, whatever order it was put together in.

    In plain UTF-8, for one of the platforms shows escapes as they are.
    """
    return json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
