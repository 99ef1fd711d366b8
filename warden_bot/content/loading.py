"""Read a content folder and check it: every fault and every warning with its file and line."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from warden_bot.content.acknowledgement import CONTACTS, read_asking
from warden_bot.content.alarms import read_sources
from warden_bot.content.alerts import read_alert_rules
from warden_bot.content.bulletin import read_bulletin
from warden_bot.content.class_card import read_class_cards
from warden_bot.content.dates import read_calendar
from warden_bot.content.desks import read_desks
from warden_bot.content.duty import read_duty
from warden_bot.content.form import read_form
from warden_bot.content.gaps import gaps_in_samples, gaps_in_wordings, required_topics, unreal_facts
from warden_bot.content.guarding import check_warnings, read_warnings
from warden_bot.content.library import Library
from warden_bot.content.open_pages import check_open_pages, read_open_pages
from warden_bot.content.reading import Fields, read_fields, read_page, read_text
from warden_bot.content.replies import Replies, parse_replies
from warden_bot.content.retention import read_retention
from warden_bot.content.school import read_school
from warden_bot.content.speech import read_speech
from warden_bot.content.templates import Unfilled, Wording
from warden_bot.content.texts import (
    LONGEST_GROUP,
    LONGEST_PRIVATE,
    LONGEST_PUSH,
    Answer,
    Campaign,
    Findings,
    check_words,
    parse_answer,
    parse_campaign,
)
from warden_bot.domain.calendar import CalendarEntry
from warden_bot.domain.year import SchoolYear
from warden_bot.errors import Fault

Part = TypeVar("Part")
SAMPLE_DAY = "11月23日"  # stands for the day of sending where a text is only checked or measured


@dataclass(frozen=True)
class Loaded:
    """What reading the folder gave. `library` is only to be used when `faults` is empty."""

    library: Library
    faults: list[Fault]
    warnings: list[Fault]


def load_library(folder: Path, today: date) -> Loaded:
    """Read and check the whole folder. Never raises for what an editor wrote: every fault is in the result."""
    if not folder.is_dir():
        return Loaded(Library(), [Fault(str(folder), 0, "没有这个内容文件夹")], [])
    reader = _Reader(folder, today)
    local, demo = reader.local()
    desks = reader.noted(read_desks(folder))
    alarm_sources = reader.noted(read_sources(folder, desks.by_name))
    year, faults, missing = read_school(folder, today)
    reader.faults += faults
    reader.warnings += missing
    library = Library(
        reader.pages("answers", parse_answer, "topic"),
        reader.pages("campaigns", parse_campaign, "campaign"),
        (),
        reader.replies(),
        local,
        reader.numbers(),
        demo,
        reader.noted(read_speech(folder)),
        reader.noted(read_warnings(folder)),
        duty=reader.noted(read_duty(folder)),
        alarm_sources=alarm_sources,
        alert_rules=reader.noted(read_alert_rules(folder)),
        form=reader.noted(read_form(folder)),
        bulletin=reader.noted(read_bulletin(folder)),
        retention=reader.noted(read_retention(folder)),
        asking=reader.noted(read_asking(folder)),
        open_pages=reader.noted(read_open_pages(folder)),
        class_cards=reader.noted(read_class_cards(folder)),
        folder=folder,
        desks=desks,
        year=year,
    )
    if reader.faults:  # texts are only judged against files that could be read
        return Loaded(library, sorted(reader.faults, key=_place), reader.warnings)
    library = replace(library, calendar=reader.calendar(library.campaigns, year))
    reader.check(library)
    return Loaded(library, sorted(reader.faults, key=_place), reader.warnings)


def _place(fault: Fault) -> tuple[str, int]:
    return fault.file, fault.line


class _Reader:
    """Reads one folder and gathers what is wrong with it."""

    def __init__(self, folder: Path, today: date) -> None:
        self.folder = folder
        self.today = today
        self.faults: list[Fault] = []
        self.warnings: list[Fault] = []

    def noted(self, read: tuple[Part, list[Fault]]) -> Part:
        """Return what was read of a file of its own; what is wrong with it is gathered."""
        self.faults += read[1]
        return read[0]

    def mapping(self, name: str) -> Fields:
        """Read one YAML file of the folder."""
        fields = read_fields(self.folder, name)
        self.faults += fields.faults
        return fields

    def local(self) -> tuple[Mapping[str, object], bool]:
        """Read the local facts; what is not filled in shows a safe phrase."""
        fields = self.mapping("local.yml")
        if not fields.values:  # unreadable or empty: `mapping` has said so
            return MappingProxyType({}), False
        values: dict[str, object] = {}
        for key in fields.values.keys() - {"demo", "reviewed", CONTACTS}:
            if not re.fullmatch(r"[a-z][a-z0-9_]*", key):
                fields.fault(key, f"名字 {key} 只能用小写字母、数字和 _")
            values[key] = fields.text(key) if fields.values[key] is not None else Unfilled()
        self.faults += fields.faults
        self.warnings += unreal_facts(fields)
        empty = [key for key, value in fields.values.items() if value is None and key != CONTACTS]
        if empty:
            place = Fault(fields.file, fields.lines[empty[0]], f"还有 {len(empty)} 项没填：{'、'.join(empty)}")
            self.warnings.append(place)
        if demo := bool(fields.values.get("demo")):
            self.warnings.append(Fault(fields.file, fields.lines["demo"], "现在是演示数据，上线前换成真实信息"))
        return MappingProxyType(values), demo

    def numbers(self) -> frozenset[str]:
        """Read which hotline numbers may appear in texts."""
        fields = self.mapping("hotlines.yml")
        rows = fields.values.get("hotlines") or []
        if not isinstance(rows, list):
            self.faults.append(Fault(fields.file, 1, "hotlines 要写成列表"))
            return frozenset()
        return frozenset(str(row["number"]) for row in rows if isinstance(row, dict) and "number" in row)

    def replies(self) -> Replies:
        """Read the bot's own phrases."""
        fields = self.mapping("replies.yml")
        if not fields.values:
            return Replies()
        replies = parse_replies(fields)
        self.faults += fields.faults
        return replies

    def pages(self, folder: str, parse: Any, key: str) -> Mapping[str, Any]:  # noqa: ANN401 -- answers and campaigns alike
        """Read every Markdown file of a sub-folder into what `parse` makes of it."""
        found = {}
        for path in sorted((self.folder / folder).glob("*.md")):
            name = f"{self.folder.name}/{folder}/{path.name}"
            text, faults = read_text(path, name)
            if faults:
                self.faults += faults
                continue
            page = read_page(text, name)
            if page.fields.faults:  # what else seems to be missing only follows from this
                self.faults += page.fields.faults
                continue
            parsed = parse(page, path.stem)
            self.faults += page.fields.faults
            found[getattr(parsed, key)] = parsed
        if not found and not self.faults:
            self.faults.append(Fault(f"{self.folder.name}/{folder}", 0, "里面一个 .md 文件也没有"))
        return MappingProxyType(found)

    def calendar(self, campaigns: Mapping[str, Campaign], year: SchoolYear) -> tuple[CalendarEntry, ...]:
        """Read when which campaign is due."""
        fields = self.mapping("calendar.yml")
        known = len(fields.faults)  # noted already
        entries, warnings = read_calendar(fields, campaigns, self.today, year.first_days, year.push_times)
        self.faults += fields.faults[known:]
        self.warnings += warnings
        return tuple(replace(entry, working_days=year.working_days) for entry in entries)

    def check(self, library: Library) -> None:
        """Check every text of the folder and every review date."""
        for answer in library.answers.values():
            self._note(check_words(answer.group, **_rules(library), longest=LONGEST_GROUP))
            self._note(check_words(answer.private, **_rules(library), longest=LONGEST_PRIVATE))
            if not answer.basis or not answer.samples:
                self.faults.append(Fault(answer.file, 1, "“依据”和“问法”至少各要一行"))
            self._header(answer, library)
        for campaign in library.campaigns.values():
            for wording in campaign.wordings:
                self._note(check_words(wording, **_rules(library), longest=LONGEST_PUSH))
            self._header(campaign, library)
        for findings in check_warnings(library.warnings, library.answers, **_rules(library)):
            self._note(findings)
        pages = (library.form, library.open_pages.words)
        own = (library.replies, library.alert_rules, library.bulletin, library.class_cards, *pages)
        for wording, allowed in chain.from_iterable(one.every() for one in own):
            rules = _rules(library) | {"values": library.values(**dict.fromkeys(allowed, "7K4Q-M2XD"))}
            self._note(check_words(wording, **rules, longest=LONGEST_PRIVATE, extra=allowed))
        self._note(check_open_pages(library.open_pages, self.today, library.replies, **_rules(library)))
        self.faults += library.class_cards.unknown(library.answers)
        self._gaps(library)

    def _note(self, findings: Findings) -> None:
        self.faults += findings.faults
        self.warnings += findings.warnings

    def _header(self, text: Answer | Campaign, library: Library) -> None:
        title = Wording(text.title, text.file, text.title_line)
        self._note(check_words(title, **_rules(library), longest=LONGEST_PUSH))
        if date.min < text.review_by <= self.today:
            self.warnings.append(Fault(text.file, text.review_line, f"该重新核对了（{text.review_by}）"))

    def _gaps(self, library: Library) -> None:
        """Note what a station has to do before these words can go live; `content check --strict` refuses it."""
        required = self.noted(required_topics(self.folder))
        self.warnings += [gap for topic, gap in required.items() if topic not in library.answers]
        self.warnings += gaps_in_samples(library.answers)
        self.warnings += gaps_in_wordings(library.campaigns)


def _rules(library: Library) -> dict[str, Any]:
    return {"local": library.local, "values": library.values(), "numbers": library.numbers}
