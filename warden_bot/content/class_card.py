"""The monthly class card, from `class_card.yml`: when it is made, what is never counted, and one thing to say by topic."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from warden_bot.content.reading import Fields, mapping_fields, read_fields_if_there
from warden_bot.content.templates import Wording
from warden_bot.domain.calendar import ORDINALS, WEEKDAYS, ImpossibleDate, parse_time
from warden_bot.domain.class_card import CardDay
from warden_bot.errors import Fault

FILE = "class_card.yml"
KEYS = {"day", "at", "days", "never", "say"}
USUAL = "usual"
STAND_IN = "让家里知道：拿不准就先打96110问，急事打110。"
LAST_DAY, MOST_DAYS = 28, 20  # the cards of a month are made within the month after it
LONGEST_SENTENCE = 60  # characters, as written
HOW = "day 要写几号（1 到 28）或者 第一个周一 这样"


@dataclass(frozen=True)
class ClassCards:
    """What editors decided about the cards."""

    day: CardDay = field(default_factory=CardDay)
    never: frozenset[str] = frozenset()  # topics, or whole families of them
    sentences: Mapping[str, Wording] = field(default_factory=dict)  # by topic, by family, and the usual one

    def counts(self, topic: str) -> bool:
        """Say whether questions of a topic may stand on a card."""
        return topic not in self.never and family(topic) not in self.never

    def sentence(self, topics: Iterable[str], values: Mapping[str, object]) -> str:
        """Return the one thing to say: of the first of these topics that has one, else the usual one."""
        for topic in topics:
            found = self.sentences.get(topic) or self.sentences.get(family(topic))
            if found is not None:
                return found.render(values)
        usual = self.sentences.get(USUAL)
        return usual.render(values) if usual is not None else STAND_IN

    def every(self) -> Iterator[tuple[Wording, frozenset[str]]]:
        """Yield all sentences with the variables each may use."""
        for wording in self.sentences.values():
            yield wording, frozenset()

    def unknown(self, topics: Iterable[str]) -> list[Fault]:
        """Name what is neither a topic nor a family of them: nobody would ever read it."""
        known = {USUAL, *topics, *map(family, topics)}
        wrong = [(name, one.file, one.line) for name, one in self.sentences.items() if name not in known]
        found = [Fault(file, line, f"没有主题 {name}（answers/ 里的文件名，或者前半截）") for name, file, line in wrong]
        return found + [
            Fault(FILE, 0, f"never 里的 {name} 不是主题，也不是前半截") for name in sorted(self.never - known)
        ]


def family(topic: str) -> str:
    """Return the first half of a topic's name."""
    return topic.partition(".")[0]


def read_class_cards(folder: Path) -> tuple[ClassCards, list[Fault]]:
    """Read `class_card.yml` of a content folder; it may be left out. What is wrong with it is in the faults."""
    fields = read_fields_if_there(folder, FILE, KEYS)
    if fields is None:
        return ClassCards(), []
    day, never, sentences = _day(fields), frozenset(fields.words("never")), _sentences(fields)
    return ClassCards(day, never, MappingProxyType(sentences)), fields.faults


def _day(fields: Fields) -> CardDay:
    usual = CardDay()
    number, nth = _which(fields, usual)
    at, days = usual.at, fields.values.get("days", usual.days)
    if "at" in fields.values:
        try:
            at = parse_time(fields.values["at"])
        except ImpossibleDate as error:
            fields.fault("at", str(error))
    if isinstance(days, bool) or not isinstance(days, int) or not 1 <= days <= MOST_DAYS:
        fields.fault("days", f"days 要写 1 到 {MOST_DAYS} 的整数")
        days = usual.days
    return CardDay(number, nth, at, days)


def _which(fields: Fields, usual: CardDay) -> tuple[int, tuple[int, int]]:
    value = fields.values.get("day")
    if value is None:
        return usual.day, usual.nth
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= LAST_DAY:
        return value, usual.nth
    for ordinal, which in ORDINALS.items():
        weekday = str(value).removeprefix(ordinal)
        if str(value).startswith(ordinal) and weekday in WEEKDAYS:
            return 0, (which, WEEKDAYS[weekday])
    fields.fault("day", HOW)
    return usual.day, usual.nth


def _sentences(fields: Fields) -> dict[str, Wording]:
    written = fields.values.get("say") or {}
    if not isinstance(written, dict):
        fields.fault("say", "say 下面要写成“主题: 一句话”，一个主题一行")
        return {}
    rows = mapping_fields(written, fields.file) if written else Fields(fields.file, {}, {}, fields.line)
    found = {}
    for topic in rows.values:
        words = rows.text(topic)
        if len(words) > LONGEST_SENTENCE:
            rows.fault(topic, f"{topic} 有 {len(words)} 个字，最多 {LONGEST_SENTENCE} 个")
        found[str(topic)] = Wording(words, fields.file, rows.lines.get(topic, rows.line))
    fields.faults += rows.faults
    return found
