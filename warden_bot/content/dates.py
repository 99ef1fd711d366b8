"""When which campaign is due, from `calendar.yml`."""

from collections.abc import Mapping
from datetime import date, timedelta

from warden_bot.content.reading import Fields, mapping_fields
from warden_bot.content.texts import Campaign
from warden_bot.domain.audience import parse_audience
from warden_bot.domain.calendar import CalendarEntry, ImpossibleDate, in_quiet_hours, parse_day_rule, parse_time
from warden_bot.errors import Fault, Refused

DEFAULT_WINDOW, DEFAULT_SPREAD = 50, 25  # minutes
CALENDAR_KEYS = {"campaign", "at", "window", "spread", "audience", "from", "until"}
DAY_KEYS = {"date", "yearly", "monthly", "weekly", "nth"}


def read_calendar(
    fields: Fields, campaigns: Mapping[str, Campaign], today: date
) -> tuple[tuple[CalendarEntry, ...], list[Fault]]:
    """Return the entries and what to look at; faults go to `fields`. One that is past only warns: time breaks no build."""
    rows = fields.values.get("calendar") or []
    if not isinstance(rows, list):
        fields.fault("calendar", "calendar 要写成列表，每条前面一个 -")
        return (), []
    if any(not isinstance(row, dict) for row in rows):
        fields.fault("calendar", "calendar 的每一条都要写成 campaign: 编号 这样的几行")
        return (), []
    warnings: list[Fault] = []
    read = [_entry(mapping_fields(row, fields.file), campaigns, today, fields.faults, warnings) for row in rows]
    entries = tuple(entry for entry in read if entry is not None)
    moments = [(entry.campaign, entry.days, entry.at) for entry in entries]
    twice = [moment for moment in moments if moments.count(moment) > 1]
    if twice:
        fields.fault("calendar", f"推送 {twice[0][0]} 在同一天同一刻排了两次，只会发一次")
    return entries, warnings


def _entry(
    row: Fields, campaigns: Mapping[str, Campaign], today: date, faults: list[Fault], warnings: list[Fault]
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
        day_fields = {key: value for key, value in row.values.items() if key in DAY_KEYS | {"from", "until"}}
        days, at = parse_day_rule(day_fields), parse_time(row.values.get("at", ""))
        entry = CalendarEntry(
            campaign,
            days,
            at,
            timedelta(minutes=window),
            timedelta(minutes=spread),
            row.text("audience", needed=False),
        )
        if entry.audience:
            parse_audience(entry.audience)
        if in_quiet_hours(at, entry.window):
            row.fault("at", f"{at:%H:%M} 起 {window} 分钟会落进安静时段（22:00–06:30）")
        if days.is_past(today):
            warnings.append(Fault(row.file, row.line, f"推送 {campaign} 的日期已经过了，不会再发"))
    except ImpossibleDate as impossible:
        place = next((row.lines[key] for key in row.values if key in DAY_KEYS), row.line)
        line = row.lines.get("at", place) if "时间" in str(impossible) else place
        faults.append(Fault(row.file, line, str(impossible)))
    except Refused as refusal:
        row.fault("audience", str(refusal))
    faults += row.faults
    return None if row.faults else entry
