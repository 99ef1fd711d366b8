"""Find words however they are wrapped: JSON, URLs, base64, hexadecimal, zlib and gzip, one inside the other."""

import base64
import binascii
import re
import zlib
from collections.abc import Iterator
from urllib.parse import unquote_to_bytes

DEEP = 4  # so many wrappings are undone
BASE64, HEX = re.compile(rb"[A-Za-z0-9+/_-]{8,}={0,2}"), re.compile(rb"(?:[0-9a-fA-F]{2}){8,}")
PACKED = re.compile(rb"\x78[\x01\x5e\x9c\xda]|\x1f\x8b\x08")
ESCAPED = re.compile(rb"(?:\\u[0-9a-fA-F]{4})+")


def pieces_found(words: str, blob: bytes, known: str = "", *, wrapped: bool = True) -> set[str]:
    """Return which four-character pieces of some words stand in a blob, without those that everybody knows."""
    pieces = {words[start : start + 4] for start in range(len(words) - 3)}
    wanted = {piece for piece in pieces if piece not in known}
    assert wanted
    if not wrapped:  # of large files: only as a database keeps words
        return {piece for piece in wanted if piece.encode() in blob}
    found: set[str] = set()
    for layer in layers(blob):
        found |= {piece for piece in wanted if piece.encode() in layer or piece.encode("utf-16-le") in layer}
    return found


def layers(blob: bytes, deep: int = DEEP) -> Iterator[bytes]:
    """Yield a blob and everything that is wrapped in it."""
    yield blob
    if deep:
        for inner in _unwrapped(blob):
            yield from layers(inner, deep - 1)


def _unwrapped(blob: bytes) -> Iterator[bytes]:
    plain = ESCAPED.sub(lambda found: found.group().decode("unicode_escape").encode("utf-8", "replace"), blob)
    if plain != blob:
        yield plain
    if b"%" in blob and (unquoted := unquote_to_bytes(blob)) != blob:
        yield unquoted
    for start in (found.start() for found in PACKED.finditer(blob)):
        try:
            yield zlib.decompressobj(zlib.MAX_WBITS | 32).decompress(blob[start:], 1_000_000)
        except zlib.error:
            continue
    for run in HEX.findall(blob):
        yield bytes.fromhex(run.decode())
    for run in BASE64.findall(blob):
        whole = run.rstrip(b"=").replace(b"-", b"+").replace(b"_", b"/")
        try:
            yield base64.b64decode(whole + b"=" * (-len(whole) % 4))
        except binascii.Error:
            continue
