"""Read and write the flat XML of callbacks: one root, its children, their text. No DTD, no entities, no depth."""

import re
from collections.abc import Mapping
from xml.parsers import expat

from warden_bot.errors import CallbackRejected

MOST_FIELDS = 200
NOT_IN_XML = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


class _Reader:
    """Collects the text of the root's children; what lies deeper is passed over."""

    def __init__(self) -> None:
        self._words: dict[str, list[str]] = {}  # pieces, joined once: a text may come in very many
        self._path: list[str] = []

    def opens(self, name: str, _attributes: Mapping[str, str]) -> None:
        self._path.append(name)
        if len(self._path) == 2:  # noqa: PLR2004 -- a child of the root
            if name in self._words or len(self._words) >= MOST_FIELDS:
                raise CallbackRejected("malformed", 400)  # two values for one name: whose would count?
            self._words[name] = []

    def closes(self, _name: str) -> None:
        self._path.pop()

    def says(self, words: str) -> None:
        if len(self._path) == 2:  # noqa: PLR2004 -- a child of the root
            self._words[self._path[1]].append(words)

    def fields(self) -> dict[str, str]:
        return {name: "".join(words) for name, words in self._words.items()}


def _refuse(*_about: object) -> None:
    raise CallbackRejected("malformed", 400)


def read_flat_xml(body: bytes) -> dict[str, str]:
    """Return the children of the root with their text. Raise CallbackRejected for anything else, a DTD above all."""
    reader = _Reader()
    parser = expat.ParserCreate("utf-8")
    parser.buffer_text = True  # else every line end is a piece of its own
    parser.StartElementHandler = reader.opens
    parser.EndElementHandler = reader.closes
    parser.CharacterDataHandler = reader.says
    parser.StartDoctypeDeclHandler = _refuse
    parser.EntityDeclHandler = _refuse
    parser.ProcessingInstructionHandler = _refuse
    if 0 in body:  # UTF-16, which the parser would see and read in spite of what it was told
        raise CallbackRejected("malformed", 400)
    try:
        parser.Parse(body.decode(), True)
    except (expat.ExpatError, ValueError, UnicodeError):
        raise CallbackRejected("malformed", 400) from None
    return reader.fields()


def write_flat_xml(fields: Mapping[str, str | int]) -> bytes:
    """Return `<xml>` with one child a field; numbers as they are, texts in CDATA as the platforms' documents write them."""
    children = "".join(
        f"<{name}>{value}</{name}>" if isinstance(value, int) else f"<{name}>{_text(value)}</{name}>"
        for name, value in fields.items()
    )
    return f"<xml>{children}</xml>".encode()


def _text(words: str) -> str:
    """Wrap a text; characters that XML cannot hold are left out, and its own end of CDATA is cut in two."""
    kept = NOT_IN_XML.sub("", words).replace("]]>", "]]]]><![CDATA[>")
    return f"<![CDATA[{kept}]]>"
