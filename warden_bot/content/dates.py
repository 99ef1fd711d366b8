"""When which campaign is due, from `calendar.yml`."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from itertools import combinations

from warden_bot.content.reading import Fields, mapping_fields
from warden_bot.content.texts import Campaign
from warden_bot.domain.audience import parse_audience
from warden_bot.domain.calendar import (
    KINDS,
    NOTHING_NAMED,
    SUNDAY,
    CalendarEntry,
    ImpossibleDate,
    in_quiet_hours,
    parse_day_rule,
    parse_time,
    weekdays_of,
)
from warden_bot.domain.push_times import PushTimes
from warden_bot.errors import Fault, Refused

DEFAULT_WINDOW, DEFAULT_SPREAD = 50, 25  # minutes
BOUNDS = {"from", "until", "before", "after"}
CALENDAR_KEYS = {"campaign", "at", "sunday", "window", "spread", "audience", "exam"} | BOUNDS
DAY_KEYS = set(KINDS)
USUAL_TIMES = PushTimes()
LONG_MONTH = 30  # days, of the lunar calendar
SHORTEST_MONTH, LEAP_DAY = 28, (2, 29)
USUAL_SPREAD = timedelta(minutes=20), timedelta(minutes=30)


def read_calendar(
    fields: Fields,
    campaigns: Mapping[str, Campaign],
    today: date,
    named: Mapping[str, Sequence[date]] = NOTHING_NAMED,
    push_times: PushTimes = USUAL_TIMES,
) -> tuple[tuple[CalendarEntry, ...], list[Fault]]:
    """Return the entries and what to look at; faults go to `fields`. One that is past only warns: time breaks no build."""
    rows = fields.values.get("calendar") or []
    if not isinstance(rows, list):
        fields.fault("calendar", "calendar 要写成列表，每条前面一个 -")
        return (), []
    if any(not isinstance(row, dict) for row in rows):
        fields.fault("calendar", "calendar 的每一条都要写成 campaign: 编号 这样的几行")
        return (), []
    marked = [mapping_fields(row, fields.file) for row in rows]
    read = [(row, _entry(row, campaigns, named, fields.faults)) for row in marked]
    kept = [(row, entry) for row, entry in read if entry is not None]
    warnings = [fault for row, entry in kept for fault in _doubts(row, entry, today, push_times)]
    for (_, one), (row, other) in combinations(kept, 2):
        same = (one.campaign, one.days) == (other.campaign, other.days)
        if same and (one.at == other.at or one.audience == other.audience):
            reason = f"推送 {other.campaign} 在同一天排了两次，只会发一次"
            fields.faults.append(Fault(row.file, row.lines["campaign"], reason))
    return tuple(entry for _, entry in kept), warnings


def _entry(
    row: Fields,
    campaigns: Mapping[str, Campaign],
    named: Mapping[str, Sequence[date]],
    faults: list[Fault],
) -> CalendarEntry | None:
    row.refuse_unknown(CALENDAR_KEYS | DAY_KEYS)
    campaign = row.text("campaign")
    if campaign and campaign not in campaigns:
        row.fault("campaign", f"没有推送 {campaign}（campaigns/{campaign}.md）")
    window = row.minutes("window", DEFAULT_WINDOW)
    spread = row.minutes("spread", min(DEFAULT_SPREAD, window))
    if spread >= window:
        row.fault("spread" if "spread" in row.lines else "window", f"spread {spread} 要小于 window {window}")
    entry = None
    try:
        day_fields = {key: value for key, value in row.values.items() if key in DAY_KEYS | BOUNDS}
        days, at = parse_day_rule(day_fields, named), parse_time(row.values.get("at", ""))
        sunday = parse_time(row.values["sunday"]) if "sunday" in row.values else None
        entry = CalendarEntry(
            campaign,
            days,
            at,
            timedelta(minutes=window),
            timedelta(minutes=spread),
            row.text("audience", needed=False),
            sunday,
            row.values.get("exam") is True,
        )
        if not isinstance(row.values.get("exam", False), bool):
            row.fault("exam", "exam 要写 true 或 false")
        if entry.audience:
            parse_audience(entry.audience)
        if in_quiet_hours(at, entry.window) or (sunday and in_quiet_hours(sunday, entry.window)):
            row.fault("at", f"{at:%H:%M} 起 {window} 分钟会落进安静时段（22:00–06:30）")
    except ImpossibleDate as impossible:
        place = next((row.lines[key] for key in row.values if key in DAY_KEYS), row.line)
        line = row.lines.get("at", place) if "时间" in str(impossible) else place
        faults.append(Fault(row.file, line, str(impossible)))
    except Refused as refusal:
        row.fault("audience", str(refusal))
    faults += row.faults
    return None if row.faults else entry


def _doubts(row: Fields, entry: CalendarEntry, today: date, push_times: PushTimes) -> list[Fault]:
    """Return what an editor should look at: days that never come, times at which nobody wants a push, Sundays unthought of."""
    found: list[tuple[str, str | None]] = []
    if entry.days.among == ():
        found.append(("", f"school.yml 里还没有日子，推送 {entry.campaign} 不会发"))
    if entry.days.is_past(today):
        found.append(("", f"推送 {entry.campaign} 的日期已经过了，不会再发"))
    if entry.days.lunar and entry.days.lunar[1] == LONG_MONTH:
        found.append(("lunar", "农历三十不是每年都有，没有的那年不发；除夕要写 festival: 除夕"))
    if entry.days.yearly == LEAP_DAY:
        found.append(("yearly", "2月29日四年才有一次，别的年份不发"))
    if (entry.days.monthly or 0) > SHORTEST_MONTH:
        found.append(("monthly", f"{entry.days.monthly} 号不是每个月都有，没有的月份不发"))
    if not USUAL_SPREAD[0] <= entry.spread <= USUAL_SPREAD[1]:
        found.append(("spread", "spread 要 20 到 30：太密了平台会拦，太散了班和班收到的差得远"))
    weekdays = weekdays_of(entry.days, today)
    if weekdays - {SUNDAY}:
        found.append(("at", push_times.objection(entry.at, entry.window, sunday=False)))
    if SUNDAY in weekdays:
        on_sundays = push_times.objection(entry.on_sundays or entry.at, entry.window, sunday=True)
        if on_sundays and not entry.on_sundays and len(weekdays) > 1:
            on_sundays = f'会碰上星期天，要加一行 sunday: "15:20"：{on_sundays}'
        found.append(("sunday" if entry.on_sundays else "at", on_sundays))
    return [Fault(row.file, row.lines.get(key, row.line), reason) for key, reason in found if reason]
