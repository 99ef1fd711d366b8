"""CAP 1.2 in and out: what we write is valid by the schema and read as it was written; what is hostile is refused."""

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
import xmlschema
from hypothesis import given
from hypothesis import strategies as some

from warden_bot.domain.cap import (
    CERTAINTIES,
    LARGEST,
    SEVERITIES,
    STATUSES,
    URGENCIES,
    CapInfo,
    CapMessage,
    CapRefused,
    Reference,
    read_cap,
    write_cap,
)

SCHEMA = xmlschema.XMLSchema(Path(__file__).parents[1] / "vectors" / "cap-1.2.xsd")
SENT = datetime(2026, 7, 1, 8, 30, tzinfo=timezone(timedelta(hours=8)))
STORM = CapInfo("暴雨", "暴雨红色预警", "未来3小时降雨100毫米以上。", "不要涉水。", severity="Extreme", area="全镇")
ALERT = CapMessage("met-2026-0701", "weather.example.cn", SENT, "Actual", "Alert", infos=(STORM,))
REFERENCE = Reference("weather.example.cn", "met-2026-0701", SENT)
ENGLISH = CapInfo("Rainstorm", "Red warning", "Heavy rain.", language="en-US")
CANCEL = CapMessage("met-2026-0702", "weather.example.cn", SENT, "Actual", "Cancel", references=(REFERENCE,))
UPDATE = CapMessage(
    "met-2026-0703", "weather.example.cn", SENT, "Actual", "Update", references=(REFERENCE,), infos=(ENGLISH, STORM)
)
OURS = write_cap(ALERT).decode()
BOMB = '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a "x"><!ENTITY b "&a;&a;&a;">]>' + OURS.partition("?>")[2]


@pytest.mark.parametrize("message", [ALERT, CANCEL, UPDATE], ids=lambda message: message.kind)
def test_what_is_written_is_valid_and_read_as_it_was(message: CapMessage) -> None:
    written = write_cap(message)

    SCHEMA.validate(written.decode().partition("?>")[2])
    assert read_cap(written) == message


def test_chinese_is_chosen_among_languages_and_any_is_better_than_none() -> None:
    only_english = CapMessage("a", "b", SENT, "Actual", "Alert", infos=(ENGLISH,))

    assert (UPDATE.chinese, only_english.chinese, CANCEL.chinese) == (STORM, ENGLISH, None)


words = some.text(some.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff"), max_size=40).map(
    str.strip
)
names = some.text("abcXYZ0123456789.-_@", min_size=1, max_size=20)
instants = some.datetimes(datetime(2000, 1, 1), datetime(2099, 1, 1), timezones=some.just(UTC)).map(  # noqa: DTZ001 -- hypothesis adds the zone
    lambda instant: instant.replace(microsecond=0)
)
infos = some.builds(
    CapInfo,
    event=words.filter(bool),
    headline=words,
    description=words,
    instruction=words,
    urgency=some.sampled_from(URGENCIES),
    severity=some.sampled_from(SEVERITIES),
    certainty=some.sampled_from(CERTAINTIES),
    expires=some.none() | instants,
    area=words,
)
messages = some.builds(
    CapMessage,
    identifier=names,
    sender=names,
    sent=instants,
    status=some.sampled_from(STATUSES),
    kind=some.just("Alert"),
    note=words,
    infos=some.lists(infos, min_size=1, max_size=2).map(tuple),
)


@given(messages)
def test_any_words_are_written_so_that_the_schema_takes_them(message: CapMessage) -> None:
    written = write_cap(message)

    SCHEMA.validate(written.decode().partition("?>")[2])
    assert read_cap(written) == message


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (BOMB, "DTD"),
        (OURS.replace("<identifier>", '<?xml-stylesheet href="x"?><identifier>'), "处理指令"),
        (OURS.replace("met-2026-0701", "&lol;"), "XML"),
        (OURS[:-20], "XML"),
        ("", "XML"),
        ("<alert/>", "alert"),
        (OURS.replace("cap:1.2", "cap:1.1"), "alert"),
        (OURS.replace("<sender>weather.example.cn</sender>", ""), "sender"),
        (OURS.replace("weather.example.cn", "two words"), "sender"),
        (OURS.replace("met-2026-0701", "m" * 201), "identifier"),
        (OURS.replace("<status>Actual", "<status>actual"), "status"),
        (OURS.replace("<msgType>Alert", "<msgType>Cancel"), "references"),
        (OURS.replace("2026-07-01T08:30:00+08:00", "2026-07-01T08:30:00"), "时区"),
        (OURS.replace("2026-07-01T08:30:00+08:00", "2026-13-01T08:30:00+08:00"), "看不懂"),
        (OURS.replace("<identifier>", "<identifier>x</identifier><identifier>"), "2 次"),
        (OURS.replace("<event>", "<a><a><a><a><a><a><a/></a></a></a></a></a></a><event>"), "层数"),
        (OURS.replace("<event>", "<a/>" * 2000 + "<event>"), "元素"),
        (OURS + " " * LARGEST, "KB"),
    ],
)
def test_what_is_not_cap_or_hostile_is_refused_with_the_reason(body: str, reason: str) -> None:
    with pytest.raises(CapRefused, match=reason):
        read_cap(body.encode())


def test_other_encodings_are_refused() -> None:
    with pytest.raises(CapRefused):
        read_cap(OURS.replace("UTF-8", "UTF-16").encode("utf-16"))
