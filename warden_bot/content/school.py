"""The school's own calendar, from `school.yml`, and the country's holidays, from `holidays.yml`; both may be left out."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

from warden_bot.content.reading import Fields, mapping_fields, read_fields_if_there
from warden_bot.domain.audience import parse_audience
from warden_bot.domain.calendar import WEEKDAYS, ImpossibleDate, in_quiet_hours, parse_time
from warden_bot.domain.push_times import ANY_DAY, PushTimes, Stretch
from warden_bot.domain.year import EXAM, Lessons, SchoolYear, Span
from warden_bot.errors import Fault, Refused

SCHOOL, HOLIDAYS = "school.yml", "holidays.yml"
WEEKDAY_TIMES, SUNDAY_TIMES = "push_times", "push_times_sunday"
KEYS = {"demo", "reviewed", "terms", "events", "gaokao", "results", "trials", "breaks", "no_push", "lessons"} | {
    WEEKDAY_TIMES,
    SUNDAY_TIMES,
}
HOLIDAY_KEYS = {"authority", "reviewed", "review_by", "holidays"}
LOOK_AHEAD = timedelta(days=365)
LONGEST = {"gaokao": 10, "trials": 14, "days": 16}  # days of what is longer when a year is mistyped
LONGEST_OTHER = 250  # a term
ONCE_A_YEAR = timedelta(days=120)  # what a term's beginnings are apart at least


def read_school(folder: Path, today: date) -> tuple[SchoolYear, list[Fault], list[Fault]]:
    """Return the school's year, what is wrong with the files, and what is still to be filled in."""
    school = read_fields_if_there(folder, SCHOOL, KEYS)
    holidays = read_fields_if_there(folder, HOLIDAYS, HOLIDAY_KEYS)
    if school is None:
        return SchoolYear(), holidays.faults if holidays else [], _overdue(holidays, today)
    named = _all_named(school)
    exams = {span.first.year: span for span in _once_a_year(school, "gaokao")}
    spans, working, known = _holidays(holidays)
    year = SchoolYear(
        {name: tuple(found) for name, found in named.items()},
        exams,
        {span.first.year: span.first for span in _once_a_year(school, "results")},
        tuple(_spans(school, "trials")),
        tuple(_spans(school, "no_push")),
        tuple(_spans(school, "breaks")),
        tuple(_lessons(school)),
        tuple(spans),
        frozenset(working),
        _push_times(school),
    )
    faults = school.faults + (holidays.faults if holidays else [])
    missing = _missing(school, holidays, year, known, today) + _overdue(holidays, today)
    return year, faults, [] if faults else missing


def _span(value: Any, fields: Fields, key: str) -> Span | None:  # noqa: ANN401 -- whatever an editor wrote
    """Read a day, or [first, last]."""
    days = value if isinstance(value, list) else [value]
    if len(days) in (1, 2) and all(isinstance(day, date) and not isinstance(day, datetime) for day in days):
        count = (days[-1] - days[0]).days + 1
        if 0 < count <= LONGEST.get(key, LONGEST_OTHER):
            return Span(days[0], days[-1])
        wrong = f"早于 {days[0]}" if count < 1 else f"离 {days[0]} 有 {count} 天，看看是不是写错了"
        fields.fault(key, f"{key} 的 {days[-1]} {wrong}")
    else:
        fields.fault(key, f"{key} 要写日期，如 2027-06-07，或 [2027-06-07, 2027-06-09]")
    return None


def _spans(fields: Fields, key: str) -> list[Span]:
    rows = fields.values.get(key) or []
    if not isinstance(rows, list):
        fields.fault(key, f"{key} 要写成列表，每条前面一个 -")
        return []
    found = [span for row in rows if (span := _span(row, fields, key)) is not None]
    for one, other in _overlapping(found):
        fields.fault(key, f"{key} 里 {one.first} 和 {other.first} 开始的两条日子重叠")
    return found


def _overlapping(spans: Sequence[Span]) -> Iterator[tuple[Span, Span]]:
    for one, other in pairwise(sorted(spans, key=lambda span: span.first)):
        if other.first <= one.last:
            yield one, other


def _once_a_year(fields: Fields, key: str) -> list[Span]:
    """Read what a year has once; two single days are most likely meant as the first and the last."""
    found = _spans(fields, key)
    years = [span.first.year for span in found]
    if not any(_overlapping(found)) and (twice := sorted({year for year in years if years.count(year) > 1})):
        fields.fault(key, f"{key} 里 {twice[0]} 年写了两条；好几天要写成 - [第一天, 最后一天]")
    return found


def _all_named(school: Fields) -> dict[str, list[Span]]:
    """Read terms and events. A term begins once a year, and ends before the next one begins."""
    (terms, place_of_terms), (events, place_of_events) = _named(school, "terms"), _named(school, "events")
    for name, spans in terms.items():
        for one, other in pairwise(sorted(spans, key=lambda span: span.first)):
            if one.last < other.first < one.first + ONCE_A_YEAR:
                reason = f"{name} 一年一次，{one.first} 和 {other.first} 太近；好几天要写成 [[第一天, 最后一天]]"
                place_of_terms.fault(name, reason)
    whole = [span for spans in terms.values() for span in spans if span.first < span.last]
    for one, other in _overlapping(whole):
        school.fault("terms", f"terms 里 {one.first} 和 {other.first} 开始的两个学期重叠")
    for name in sorted(terms.keys() & events.keys()):
        place_of_events.fault(name, f"“{name}”在 terms 里也有，换个名字")
    for place in (place_of_terms, place_of_events):
        if EXAM in place.values:
            place.fault(EXAM, f"{EXAM}的日子写在 gaokao 里")
    return terms | events


def _named(fields: Fields, key: str) -> tuple[dict[str, list[Span]], Fields]:
    """Return the days by name, and where each name stands; what is wrong there goes to the file's faults."""
    rows = fields.values.get(key) or {}
    if not isinstance(rows, dict):
        fields.fault(key, f"{key} 下面要写“名字: [日期]”")
        rows = {}
    inner = mapping_fields(rows, fields.file) if rows else Fields(fields.file, {}, {}, 1)
    inner.faults = fields.faults
    return {name: _spans(inner, name) for name in inner.values}, inner


def _lessons(fields: Fields) -> list[Lessons]:
    rows = fields.values.get("lessons") or []
    if not isinstance(rows, list) or any(not isinstance(row, dict) for row in rows):
        fields.fault("lessons", "lessons 的每一条要写 audience、days、from、until")
        return []
    found = []
    for one in (mapping_fields(row, fields.file) for row in rows):
        one.refuse_unknown({"audience", "days", "from", "until"})
        try:
            days = frozenset(WEEKDAYS[word] for word in one.words("days"))
            times = parse_time(one.values.get("from", "")), parse_time(one.values.get("until", ""))
            if not days:
                one.fault("days", "days 要写哪几天上课，如 [周一, 周二]")
            elif times[0] >= times[1]:
                one.fault("until", "until 要晚于 from")
            found.append(Lessons(parse_audience(one.text("audience")), days, *times))
        except (Refused, ImpossibleDate) as wrong:
            one.fault("audience", str(wrong))
        except KeyError as wrong:
            one.fault("days", f"{wrong.args[0]} 不是星期，要写 {'、'.join(WEEKDAYS)}")
        fields.faults += one.faults
    return found


def _push_times(fields: Fields) -> PushTimes:
    usual = PushTimes()
    return PushTimes(_stretches(fields, WEEKDAY_TIMES, usual.weekdays), _stretches(fields, SUNDAY_TIMES, usual.sundays))


def _stretches(fields: Fields, key: str, usual: tuple[Stretch, ...]) -> tuple[Stretch, ...]:
    found = []
    for written in fields.words(key):
        start, _, end = written.replace("–", "-").partition("-")
        try:
            stretch = parse_time(start.strip()), parse_time(end.strip())
        except ImpossibleDate:
            stretch = None
        if stretch is None or stretch[0] >= stretch[1]:
            fields.fault(key, f"{key} 的“{written}”看不懂，要写成 12:10-13:10")
        elif in_quiet_hours(stretch[0], _length(stretch)):
            fields.fault(key, f"{key} 的“{written}”落进安静时段（22:00–06:30）")
        else:
            found.append(stretch)
    return tuple(found) or usual


def _length(stretch: Stretch) -> timedelta:
    start, end = (datetime.combine(ANY_DAY, at) for at in stretch)
    return end - start


def _overdue(holidays: Fields | None, today: date) -> list[Fault]:
    """Say that the country's holidays are to be looked at again: a notice comes out every autumn."""
    if holidays is None or holidays.faults or "review_by" not in holidays.values:
        return []
    review_by = holidays.day("review_by")
    if review_by > today:
        return []
    return [
        Fault(holidays.file, holidays.lines["review_by"], f"该重新核对了（{review_by}）：看国务院办公厅有没有新通知")
    ]


def _holidays(fields: Fields | None) -> tuple[list[Span], list[date], set[int]]:
    spans: list[Span] = []
    working: list[date] = []
    known: set[int] = set()
    rows = fields.values.get("holidays") or [] if fields else []
    if fields is None or not isinstance(rows, list) or any(not isinstance(row, dict) for row in rows):
        if fields is not None:
            fields.fault("holidays", "holidays 的每一条要写 name、days，有调休的加 working")
        return spans, working, known
    for one in (mapping_fields(row, fields.file) for row in rows):
        one.refuse_unknown({"name", "days", "working"})
        span = _span(one.values.get("days"), one, "days")
        if span is not None:
            if any(span.first <= other.last and other.first <= span.last for other in spans):
                one.fault("days", f"{span.first} 到 {span.last} 和别的放假重叠")
            spans.append(span)
            known.add(span.last.year)
        exchanged = [day.first for day in _spans(one, "working")]
        if wrong := [day for day in exchanged if any(span.covers(day) for span in spans)]:
            one.fault("working", f"{wrong[0]} 在放假的日子里，不会是上班的日子")
        working += exchanged
        fields.faults += one.faults
    return spans, working, known


def _missing(
    school: Fields, holidays: Fields | None, year: SchoolYear, known: Sequence[int] | set[int], today: date
) -> list[Fault]:
    found = []
    years = sorted({today.year, (today + LOOK_AHEAD).year})
    place, line = (holidays.file, holidays.line) if holidays else (school.file, school.line)
    for one in years:
        if one not in known:
            found.append(Fault(place, line, f"还没有 {one} 年的放假调休：国务院办公厅的通知出来后填进 {HOLIDAYS}"))
        if one not in year.exams and date(one, 6, 10) >= today:
            reason = f"还没有 {one} 年的高考日期：考试院公布后填进 gaokao，没填时按 5月25日到6月10日静默"
            found.append(Fault(school.file, school.lines.get("gaokao", 1), reason))
    return found
