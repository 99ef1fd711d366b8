"""Common Alerting Protocol 1.2 (OASIS, 2010): read a message of a feed, write one of ours. No DTD, no entities."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from xml.parsers import expat
from xml.sax.saxutils import escape

NAMESPACE = "urn:oasis:names:tc:emergency:cap:1.2"
LARGEST = 256 * 1024  # bytes of one message
DEEPEST, MOST_ELEMENTS = 8, 2000
STATUSES = ("Actual", "Exercise", "System", "Test", "Draft")
TYPES = ("Alert", "Update", "Cancel", "Ack", "Error")
SCOPES = ("Public", "Restricted", "Private")
URGENCIES = ("Immediate", "Expected", "Future", "Past", "Unknown")
SEVERITIES = ("Extreme", "Severe", "Moderate", "Minor", "Unknown")
CERTAINTIES = ("Observed", "Likely", "Possible", "Unlikely", "Unknown")
LONGEST_NAME = 200  # characters
NOT_IN_NAMES = frozenset(" ,<&\t\r\n")  # what an identifier and a sender may not hold
ROOT = re.compile(rb"<(?:[\w.-]{1,40}:)?alert[\s>]")
SEP = "}"


class CapRefused(ValueError):
    """A message that cannot be taken; the text says why, for an officer."""


@dataclass(frozen=True, slots=True)
class Reference:
    """An earlier message that one is about."""

    sender: str
    identifier: str
    sent: datetime


@dataclass(frozen=True, slots=True)
class CapInfo:
    """What a message says in one language."""

    event: str
    headline: str
    description: str
    instruction: str = ""
    language: str = "zh-CN"
    category: str = "Safety"
    response: str = ""  # Shelter, AllClear, …
    urgency: str = "Unknown"
    severity: str = "Unknown"
    certainty: str = "Unknown"
    expires: datetime | None = None
    sender_name: str = ""
    area: str = ""


@dataclass(frozen=True, slots=True)
class CapMessage:
    """One message. `infos` is empty in a Cancel that only names what it cancels."""

    identifier: str
    sender: str
    sent: datetime
    status: str
    kind: str  # msgType
    scope: str = "Public"
    restriction: str = ""
    note: str = ""
    references: tuple[Reference, ...] = ()
    infos: tuple[CapInfo, ...] = ()

    @property
    def chinese(self) -> CapInfo | None:
        """What it says in Chinese, else in the language it has."""
        chosen = [info for info in self.infos if info.language.lower().startswith("zh")] or self.infos
        return chosen[0] if chosen else None


@dataclass(slots=True)
class _Element:
    name: str
    words: list[str] = field(default_factory=list)
    children: "list[_Element]" = field(default_factory=list)

    def all(self, name: str) -> "list[_Element]":
        return [child for child in self.children if child.name == name]

    def text(self, name: str, *, among: tuple[str, ...] = (), needed: bool = False) -> str:
        """Return a child's text. Raise CapRefused where it is missing, stands twice or is none of the allowed words."""
        found = self.all(name)
        if len(found) > 1:
            raise CapRefused(f"{name} 写了 {len(found)} 次")
        value = "".join(found[0].words).strip() if found else ""
        if (needed and not value) or (among and value and value not in among):
            raise CapRefused(f"{name} 写的是“{value[:40]}”，要是：{'、'.join(among)}" if value else f"缺 {name}")
        return value


class _Builder:
    """Builds the tree of one message; what is not of the protocol's namespace is passed over."""

    def __init__(self) -> None:
        self.root: _Element | None = None
        self._open: list[_Element] = []
        self._count = 0

    def opens(self, name: str, _attributes: Mapping[str, str]) -> None:
        self._count += 1
        if len(self._open) >= DEEPEST or self._count > MOST_ELEMENTS:
            raise CapRefused("层数或元素太多")
        space, _, local = name.rpartition(SEP)
        element = _Element(local if space == NAMESPACE else "")
        if self._open:
            self._open[-1].children.append(element)
        else:
            self.root = element
        self._open.append(element)

    def closes(self, _name: str) -> None:
        self._open.pop()

    def says(self, words: str) -> None:
        self._open[-1].words.append(words)


def _refuse(*_about: object) -> None:
    raise CapRefused("带有 DTD、实体或处理指令，不读")


class Handler(Protocol):
    """What is told of a document while it is read."""

    def opens(self, name: str, attributes: Mapping[str, str], /) -> None:
        """Begin an element; its name has its namespace before `SEP`."""

    def closes(self, name: str, /) -> None:
        """End an element."""

    def says(self, words: str, /) -> None:
        """Take some of an element's text."""


def read_xml(body: bytes, handler: Handler) -> None:
    """Read a document of a stranger. Raise CapRefused for a DTD, an entity, a processing instruction, and for no XML."""
    parser = expat.ParserCreate("utf-8", SEP)
    parser.buffer_text = True
    parser.StartElementHandler = handler.opens
    parser.EndElementHandler = handler.closes
    parser.CharacterDataHandler = handler.says
    parser.StartDoctypeDeclHandler = _refuse
    parser.EntityDeclHandler = _refuse
    parser.ProcessingInstructionHandler = _refuse
    try:
        parser.Parse(body.decode("utf-8-sig"), True)
    except (expat.ExpatError, UnicodeError):
        raise CapRefused("不是 UTF-8 的 XML") from None


def is_cap(body: bytes) -> bool:
    """Say whether a document looks like a message, rather than an index of messages."""
    return ROOT.search(body[:2000]) is not None


def read_cap(body: bytes) -> CapMessage:
    """Read one message. Raise CapRefused with the reason for anything else."""
    if len(body) > LARGEST:
        raise CapRefused(f"超过 {LARGEST // 1024} KB")
    builder = _Builder()
    read_xml(body, builder)
    if builder.root is None or builder.root.name != "alert":
        raise CapRefused("不是 CAP 1.2：最外层要是 alert")
    return _message(builder.root)


def _message(root: _Element) -> CapMessage:
    kind = root.text("msgType", among=TYPES, needed=True)
    infos = tuple(_info(element) for element in root.all("info"))
    references = tuple(_reference(words) for words in root.text("references").split())
    if kind in ("Update", "Cancel") and not references:
        raise CapRefused(f"{kind} 没有写 references，不知道说的是哪一条")
    if kind in ("Alert", "Update") and not infos:
        raise CapRefused("没有 info，没有内容")
    return CapMessage(
        identifier=_name(root, "identifier"),
        sender=_name(root, "sender"),
        sent=_instant(root.text("sent", needed=True), "sent"),
        status=root.text("status", among=STATUSES, needed=True),
        kind=kind,
        scope=root.text("scope", among=SCOPES, needed=True),
        restriction=root.text("restriction"),
        note=root.text("note"),
        references=references,
        infos=infos,
    )


def _name(root: _Element, name: str) -> str:
    value = root.text(name, needed=True)
    if len(value) > LONGEST_NAME:
        raise CapRefused(f"{name} 最多 {LONGEST_NAME} 个字符")
    if NOT_IN_NAMES & set(value):
        raise CapRefused(f"{name} 里不能有空格、逗号、< 或 &")
    return value


def _info(element: _Element) -> CapInfo:
    expires = element.text("expires")
    areas = [area.text("areaDesc", needed=True) for area in element.all("area")]
    return CapInfo(
        event=element.text("event", needed=True),
        headline=element.text("headline"),
        description=element.text("description"),
        instruction=element.text("instruction"),
        language=element.text("language") or "en-US",  # the protocol's own default
        category="".join(element.all("category")[0].words).strip() if element.all("category") else "",
        urgency=element.text("urgency", among=URGENCIES, needed=True),
        severity=element.text("severity", among=SEVERITIES, needed=True),
        certainty=element.text("certainty", among=CERTAINTIES, needed=True),
        expires=_instant(expires, "expires") if expires else None,
        sender_name=element.text("senderName"),
        area="、".join(areas),
    )


def _reference(words: str) -> Reference:
    parts = words.split(",")
    if len(parts) != 3:  # noqa: PLR2004 -- sender, identifier, sent
        raise CapRefused("references 要写成 sender,identifier,sent")
    return Reference(parts[0], parts[1], _instant(parts[2], "references"))


def _instant(words: str, name: str) -> datetime:
    try:
        instant = datetime.fromisoformat(words)
    except ValueError:
        raise CapRefused(f"{name} 的时间“{words[:40]}”看不懂") from None
    if instant.tzinfo is None:
        raise CapRefused(f"{name} 的时间没有写时区")
    return instant


def write_cap(message: CapMessage) -> bytes:
    """Write a message as the schema wants it: its elements in their order, instants with an offset and no fractions."""
    parts = [
        *_line("identifier", message.identifier),
        *_line("sender", message.sender),
        *_line("sent", written(message.sent)),
        *_line("status", message.status),
        *_line("msgType", message.kind),
        *_line("scope", message.scope),
        *_line("restriction", message.restriction),
        *_line("note", message.note),
        *_line(
            "references", " ".join(f"{one.sender},{one.identifier},{written(one.sent)}" for one in message.references)
        ),
    ]
    for info in message.infos:
        parts += ["<info>", *_info_lines(info), "</info>"]
    body = "\n".join(parts)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<alert xmlns="{NAMESPACE}">\n{body}\n</alert>\n'.encode()


def _info_lines(info: CapInfo) -> list[str]:
    return [
        *_line("language", info.language),
        *_line("category", info.category),
        *_line("event", info.event),
        *_line("responseType", info.response),
        *_line("urgency", info.urgency),
        *_line("severity", info.severity),
        *_line("certainty", info.certainty),
        *_line("expires", written(info.expires) if info.expires else ""),
        *_line("senderName", info.sender_name),
        *_line("headline", info.headline),
        *_line("description", info.description),
        *_line("instruction", info.instruction),
        *(["<area>", *_line("areaDesc", info.area), "</area>"] if info.area else []),
    ]


def _line(name: str, words: str) -> list[str]:
    kept = "".join(
        character
        for character in words
        if (character >= " " and character not in "\ufffe\uffff") or character in "\n\t"
    )
    return [f"<{name}>{escape(kept)}</{name}>"] if kept else []


def written(instant: datetime) -> str:
    """Write an instant as the protocol does: whole seconds and an offset; UTC is -00:00 there, never Z."""
    words = instant.replace(microsecond=0).isoformat()
    return words.replace("+00:00", "-00:00")
