"""Cut a text into parts that fit a platform's limit, at lines, then sentences, then graphemes; never inside one."""

import unicodedata
from collections.abc import Iterator

SENTENCE_ENDS = "。！？；!?;"
COUNTER_ROOM = 16  # bytes kept free for a "(12/34)\n" in front of a part


def split_text(text: str, limit: int) -> list[str]:
    """Return the parts of `text`, each at most `limit` UTF-8 bytes, numbered "(1/3)" when there is more than one.

    Joined without their numbers the parts hold every visible character of the text in order. `limit` is in bytes
    and must leave room for a number and at least one grapheme; a grapheme larger than that is cut between characters.
    """
    text = text.strip()
    if len(text.encode()) <= limit:
        return [text] if text else []
    room = limit - COUNTER_ROOM
    parts: list[str] = []
    current = ""
    for piece in _pieces(text, room):
        if len((current + piece).rstrip().encode()) <= room:
            current += piece
        else:
            parts.append(current.strip("\n").rstrip())
            current = piece.lstrip("\n")
    parts.append(current.strip("\n").rstrip())
    parts = [part for part in parts if part]
    return [f"({number}/{len(parts)})\n{part}" for number, part in enumerate(parts, start=1)]


def _pieces(text: str, room: int) -> Iterator[str]:
    """Yield the largest natural pieces that fit into `room` bytes: lines, else sentences, else graphemes."""
    for line in text.splitlines(keepends=True):
        if len(line.rstrip("\n").encode()) <= room:
            yield line
            continue
        for sentence in _sentences(line):
            if len(sentence.rstrip("\n").encode()) <= room:
                yield sentence
            else:
                yield from _graphemes(sentence, room)


def _sentences(line: str) -> Iterator[str]:
    start = 0
    for index, character in enumerate(line):
        if character in SENTENCE_ENDS and not _joins(line[index + 1 : index + 2]):
            yield line[start : index + 1]
            start = index + 1
    if start < len(line):
        yield line[start:]


def _joins(following: str) -> bool:
    """Say whether a character belongs to the one before it: an accent, a variation selector, a joiner."""
    return bool(following) and unicodedata.category(following) in ("Mn", "Me", "Mc", "Cf")


def _graphemes(text: str, room: int) -> Iterator[str]:
    import regex  # noqa: PLC0415 -- rare: only a single sentence over the platform's limit needs it

    for grapheme in regex.findall(r"\X", text):
        if len(grapheme.encode()) <= room:
            yield grapheme
        else:
            yield from grapheme
