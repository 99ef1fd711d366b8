"""The weekly bulletin as the editors want it, from `bulletin.yml`: its figures, its sentences, and what families can do."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, time
from pathlib import Path
from typing import Any

from warden_bot.content.reading import Fields, mapping_fields, read_fields_if_there
from warden_bot.content.templates import Wording
from warden_bot.domain.audience import parse_audience
from warden_bot.domain.bulletin import WEEK
from warden_bot.errors import Fault, Refused

FILE = "bulletin.yml"
LONGEST_NAME, MOST_FIGURES = 10, 8
SENTENCES = {
    "skeleton": (frozenset({"first", "last", "figures"}), "本周({{ first }}–{{ last }})：{{ figures }}。"),
    "asked": (frozenset({"topics"}), "大家问得多的：{{ topics }}。"),
    "closing": (frozenset[str](), "进展中的案件不公布细节。—{{ local.station_name }} {{ today }}"),
}
NEEDED = {"skeleton": "figures", "asked": "topics"}


@dataclass(frozen=True, slots=True)
class Figure:
    """One number that the station enters every week."""

    name: str
    unit: str


@dataclass(frozen=True, slots=True)
class ToDo:
    """One thing that families can do."""

    wording: Wording
    topic: str = ""  # said when this is what is asked most
    audience: str = ""  # who hears it when its topic is what is asked most; "" is the bulletin's own


FIGURES = (Figure("电诈警情", "起"), Figure("盗窃", "起"), Figure("交通事故", "起"), Figure("整改出租屋", "间"))
TO_DO = (ToDo(Wording("有人催着转账，先挂断，自己打110问。", "", 0)),)


@dataclass(frozen=True)
class BulletinPlan:
    """What the station decided about its bulletin."""

    title: str = "一周警情"
    figures: tuple[Figure, ...] = FIGURES
    sentences: dict[str, Wording] = field(default_factory=dict)
    to_do: tuple[ToDo, ...] = TO_DO
    audience: str = "campus"
    draft_at: time = time(15, 30)
    not_named: tuple[str, ...] = ()  # how topics begin that are never named as asked often

    def sentence(self, name: str) -> Wording:
        """Return one of the sentences, the plain one where the editors wrote none."""
        return self.sentences.get(name) or Wording(SENTENCES[name][1], "", 0)

    def chosen(self, asked: Iterable[str], monday: date) -> ToDo:
        """Return what families are told to do: about what is asked most, else the list in turn, a week each."""
        by_topic = {one.topic: one for one in self.to_do if one.topic}
        for topic in asked:
            if topic in by_topic:
                return by_topic[topic]
        return self.to_do[monday.toordinal() // WEEK.days % len(self.to_do)]

    def every(self) -> list[tuple[Wording, frozenset[str]]]:
        """Return the texts as an editor wrote them, with the variables each may use."""
        said = [(wording, SENTENCES[name][0]) for name, wording in self.sentences.items()]
        return said + [(one.wording, frozenset[str]()) for one in self.to_do]


def read_bulletin(folder: Path) -> tuple[BulletinPlan, list[Fault]]:
    """Read `bulletin.yml` of a content folder; it may be left out. What is wrong with it is in the faults."""
    known = {"title", "figures", "to_do", "audience", "draft_at", "not_named", *SENTENCES}
    fields = read_fields_if_there(folder, FILE, known)
    if fields is None:
        return BulletinPlan(), []
    plan = BulletinPlan(
        fields.text("title", needed=False) or BulletinPlan.title,
        tuple(_figures(fields)) or FIGURES,
        _sentences(fields),
        tuple(_to_do(fields)) or TO_DO,
        _audience(fields) or BulletinPlan.audience,
        _time(fields),
        fields.words("not_named"),
    )
    return plan, fields.faults


def _sentences(fields: Fields) -> dict[str, Wording]:
    found = {}
    for name in SENTENCES:
        if words := fields.text(name, needed=False):
            found[name] = Wording(words, fields.file, fields.lines[name])
            if NEEDED.get(name, "") not in words:
                fields.fault(name, f"{name} 里要有 {{{{ {NEEDED[name]} }}}}")
    return found


def _rows(fields: Fields, key: str, example: str) -> list[Fields]:
    written = fields.values.get(key) or []
    if not isinstance(written, list) or any(not isinstance(row, dict) for row in written):
        fields.fault(key, f"{key} 要写成列表，每条像 {example}")
        return []
    return [mapping_fields(row, fields.file) for row in written]


def _figures(fields: Fields) -> Iterable[Figure]:
    seen: set[str] = set()
    rows = _rows(fields, "figures", "- name: 盗窃 和 unit: 起")
    if len(rows) > MOST_FIGURES:
        fields.fault("figures", f"最多 {MOST_FIGURES} 个数字")
    for row in rows:
        row.refuse_unknown({"name", "unit"})
        name, unit = row.text("name"), row.text("unit")
        if len(name) > LONGEST_NAME or "=" in name or name in seen:
            row.fault("name", f"名字不能重复，不能有 =，最多 {LONGEST_NAME} 个字")
        seen.add(name)
        fields.faults += row.faults
        if name and unit:
            yield Figure(name, unit)


def _to_do(fields: Fields) -> Iterable[ToDo]:
    for row in _rows(fields, "to_do", "- text: 做什么"):
        row.refuse_unknown({"text", "topic", "audience"})
        words = row.text("text")
        one = ToDo(
            Wording(words, row.file, row.lines.get("text", row.line)), row.text("topic", needed=False), _audience(row)
        )
        fields.faults += row.faults
        if words:
            yield one


def _audience(fields: Fields) -> str:
    rule = fields.text("audience", needed=False)
    if rule:
        try:
            parse_audience(rule)
        except Refused as refusal:
            fields.fault("audience", str(refusal))
    return rule


def _time(fields: Fields) -> time:
    written: Any = fields.values.get("draft_at", f"{BulletinPlan.draft_at:%H:%M}")
    try:
        return time.fromisoformat(str(written))
    except ValueError:
        fields.fault("draft_at", "draft_at 要写时间，如 15:30")
        return BulletinPlan.draft_at
