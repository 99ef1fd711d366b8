"""Read and write the flat XML of callbacks: one root, its children, their text. No DTD, no entities, no depth."""

from collections.abc import Mapping
from xml.parsers import expat
from xml.sax.saxutils import escape

from warden_bot.errors import CallbackRejected

MOST_FIELDS = 200


class _Reader:
    """Collects the text of the root's children; what lies deeper is passed over."""

    def __init__(self) -> None:
        self.fields: dict[str, str] = {}
        self._path: list[str] = []

    def opens(self, name: str, _attributes: Mapping[str, str]) -> None:
        self._path.append(name)
        if len(self._path) == 2:  # noqa: PLR2004 -- a child of the root
            if name in self.fields or len(self.fields) >= MOST_FIELDS:
                raise CallbackRejected("malformed", 400)  # two values for one name: whose would count?
            self.fields[name] = ""

    def closes(self, _name: str) -> None:
        self._path.pop()

    def says(self, words: str) -> None:
        if len(self._path) == 2:  # noqa: PLR2004 -- a child of the root
            self.fields[self._path[1]] += words


def _refuse(*_about: object) -> None:
    raise CallbackRejected("malformed", 400)


def read_flat_xml(body: bytes) -> dict[str, str]:
    """Return the children of the root with their text. Raise CallbackRejected for anything else, a DTD above all."""
    reader = _Reader()
    parser = expat.ParserCreate("utf-8")
    parser.StartElementHandler = reader.opens
    parser.EndElementHandler = reader.closes
    parser.CharacterDataHandler = reader.says
    parser.StartDoctypeDeclHandler = _refuse
    parser.EntityDeclHandler = _refuse
    parser.ProcessingInstructionHandler = _refuse
    try:
        parser.Parse(body, True)
    except (expat.ExpatError, ValueError, UnicodeError):
        raise CallbackRejected("malformed", 400) from None
    return reader.fields


def write_flat_xml(fields: Mapping[str, str | int]) -> bytes:
    """Return `<xml>` with one child a field; numbers as they are, texts escaped."""
    children = "".join(
        f"<{name}>{value}</{name}>" if isinstance(value, int) else f"<{name}>{_text(value)}</{name}>"
        for name, value in fields.items()
    )
    return f"<xml>{children}</xml>".encode()


def _text(words: str) -> str:
    """Escape a text; characters that XML cannot hold are left out."""
    kept = "".join(
        one for one in words if one in "\t\n\r" or (ord(one) >= ord(" ") and not "\ud800" <= one <= "\udfff")
    )
    return escape(kept)
