"""What a station still has to do before the words can go live: every topic answered, asked for in many ways, nothing left blank."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from warden_bot.content.labelled import GROWING, LEAST, TESTS
from warden_bot.content.reading import Fields, mapping_fields, read_fields_if_there
from warden_bot.content.speech import DANGERS, FOLDER, Speech
from warden_bot.content.texts import Answer, Campaign, promises
from warden_bot.domain.understanding.normalise import normalise
from warden_bot.errors import Fault

TOPICS = "topics.yml"  # the topics that must have an answer; a folder without it promises none
ENOUGH_SAMPLES = 30
ENOUGH_WORDINGS = 3  # take turns, so that nobody hears the same words twice in a season
# What people write into `local.yml` in place of a fact that they have yet to look up.
NOT_LOOKED_UP = re.compile(r"待填|待定|待补|未填|没填|to[ -]?do|tbd|x{3,}|[?？]{2,}", re.IGNORECASE)


def required_topics(folder: Path) -> tuple[dict[str, Fault], list[Fault]]:
    """Return the topics that must have an answer, each with what to say when it has none; and what is wrong with the list."""
    fields = read_fields_if_there(folder, TOPICS, {"topics"})
    if fields is None:
        return {}, []
    rows = fields.values.get("topics")
    if not isinstance(rows, list) or any(not isinstance(row, dict) for row in rows):
        if not fields.faults:  # else it could not be read, and that has been said
            fields.fault("topics", "topics 要写成列表，每条写 {id: 主题编号, title: 名字}")
        return {}, fields.faults
    required = {}
    for row in [mapping_fields(row, fields.file) for row in rows]:
        row.refuse_unknown({"id", "title"})
        if topic := row.text("id"):
            title = row.text("title", needed=False)
            reason = f"主题 {topic}（{title}）还没有回答：answers/{topic}.md"
            required[topic] = Fault(fields.file, row.lines["id"], reason)
        fields.faults += row.faults
    return required, fields.faults


def gaps_in_samples(answers: Mapping[str, Answer]) -> Iterator[Fault]:
    """Name each topic with few ways of asking for it, and each way that stands under two topics."""
    first: dict[str, Answer] = {}
    for answer in answers.values():
        if len(answer.samples) < ENOUGH_SAMPLES:
            line = answer.sample_lines[0] if answer.sample_lines else 1
            yield Fault(answer.file, line, f"只有 {len(answer.samples)} 种问法，至少要 {ENOUGH_SAMPLES} 种")
        for sample, line in zip(answer.samples, answer.sample_lines, strict=True):
            other = first.setdefault(normalise(sample), answer)
            if other.topic != answer.topic:
                yield Fault(answer.file, line, f"“{sample}”也写在 {other.topic} 的问法里，只能归一个主题")


def gaps_in_wordings(campaigns: Mapping[str, Campaign]) -> Iterator[Fault]:
    """Name each push with too few ways of saying it."""
    for campaign in campaigns.values():
        count = len({wording.source for wording in campaign.wordings})
        if count < ENOUGH_WORDINGS:
            reason = f"只有 {count} 种说法，要 {ENOUGH_WORDINGS} 种轮着用：每种写一个“## 正文”"
            yield Fault(campaign.file, campaign.wordings[0].line, reason)


def gaps_in_examination(folder: Path, speech: Speech) -> tuple[list[Fault], list[Fault]]:
    """Name what leaves the bot deaf to danger, and unexamined: faults, and what only keeps words from going live."""
    faults: list[Fault] = []
    warnings: list[Fault] = []
    examined = (folder / TESTS).is_dir()
    if not examined:
        warnings.append(Fault(f"{folder.name}/{TESTS}", 0, f"没有测试题：写 {GROWING} 和 {LEAST}"))
    if not any(speech.dangers.values()):
        place = f"{folder.name}/{FOLDER}/{DANGERS}"
        deaf = Fault(place, 0, "一句危险的话也没有，正在发生的危险就认不出来")
        (faults if examined or (folder / FOLDER).is_dir() else warnings).append(deaf)
    return faults, warnings


def unreal_facts(local: Fields) -> Iterator[Fault]:
    """Name local facts that only keep a place, and those that promise what nobody can."""
    for key, value in local.values.items():
        if isinstance(value, str) and NOT_LOOKED_UP.search(value):
            yield Fault(local.file, local.lines[key], f"{key} 还没填：{value}")
        if isinstance(value, str) and (said := promises(value)):
            yield Fault(local.file, local.lines[key], f"{key} 里不能写“{said[0]}”")
