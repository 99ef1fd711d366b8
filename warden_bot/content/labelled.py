"""Questions with the answers they should get (`tests/*.jsonl`), and how well the folder must do on them (`tests/least.yml`)."""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from warden_bot.content.reading import Fields, mapping_fields, read_fields_if_there, read_text
from warden_bot.errors import Fault
from warden_bot.states import Action

TESTS, LEAST, GROWING = "tests", "tests/least.yml", "tests/questions.jsonl"
AMBIENT, ADDRESSED = MODES = ("ambient", "addressed")  # nobody called the bot; somebody did
AT_MOST = "_per_1000"  # figures whose names end so must not be higher, all others not lower
FIGURES = {
    "answer_recall": "该答的答对了主题",
    "answer_precision": "答出来的主题是对的",
    "false_replies_per_1000": "不该出声的每千句里出了声",
    "emergency_recall": "紧急的认出来了",
    "false_emergencies_per_1000": "不紧急的每千句里当成紧急",
    "tip_recall": "线索认出来了",
}
MOST_SHOWN = 5  # failing lines of one figure
LONGEST_SHOWN = 30  # characters of one
KEYS = frozenset({"text", "expect", "topic", "alt", "alt_expect"})
EXPECTED = {  # lines that expect this are what a figure is measured by; every other figure by those that do not
    "answer_recall": Action.ANSWER,
    "answer_precision": Action.ANSWER,
    "false_replies_per_1000": Action.SILENT,
    "emergency_recall": Action.EMERGENCY,
    "tip_recall": Action.TIP,
}


@dataclass(frozen=True, slots=True)
class Labelled:
    """One line that somebody may write, with what should come of it."""

    text: str
    expect: Action
    topics: frozenset[str]  # any of these is right
    also: frozenset[Action]  # what would be right too
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class LabelledSet:
    """All labelled lines of a folder and the figures it must reach; `faults` names what cannot be read."""

    lines: tuple[Labelled, ...]
    least: Mapping[tuple[str, str], tuple[float, int]]  # by mode and figure: the bound and its line
    file: str
    faults: tuple[Fault, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the bot did about a labelled line."""

    of: Labelled
    action: Action
    topic: str | None


@dataclass(frozen=True, slots=True)
class Score:
    """One figure in one mode, and where its bound stands."""

    mode: str
    figure: str
    reached: float
    bound: float | None
    file: str
    line: int
    failing: tuple[Outcome, ...]

    @property
    def good_enough(self) -> bool:
        """Say whether the bound is kept."""
        if self.bound is None:
            return True
        return self.reached <= self.bound if self.figure.endswith(AT_MOST) else self.reached >= self.bound

    @property
    def short(self) -> str:
        """Name the figure with its bound."""
        bound = (
            "" if self.bound is None else f"（{'最多' if self.figure.endswith(AT_MOST) else '至少'} {self.bound:g}）"
        )
        return f"{self.figure} {self.reached:g}{bound}"

    def as_fault(self) -> Fault:
        """Say how the figure stands, at the place of its bound."""
        return Fault(self.file, self.line, f"{self.mode} {self.short}")

    def fault(self) -> Fault:
        """Say what is not reached, with lines that show it."""
        lines = "；".join(_shown(one) for one in self.failing[:MOST_SHOWN])
        reason = f"{self.mode} {self.short}，没达到“{FIGURES[self.figure]}”的要求。如：{lines}"
        return Fault(self.file, self.line, reason)


def read_labelled(folder: Path) -> LabelledSet:
    """Read the labelled lines of a content folder. One without `tests/` has none, and nothing is asked of it."""
    faults: list[Fault] = []
    lines: list[Labelled] = []
    for path in sorted((folder / TESTS).glob("*.jsonl")):
        name = f"{folder.name}/{TESTS}/{path.name}"
        text, unreadable = read_text(path, name)
        faults += unreadable
        for number, row in enumerate(text.split("\n"), start=1):
            if row.strip():
                line = _labelled(row, name, number)
                if isinstance(line, Fault):
                    faults.append(line)
                else:
                    lines.append(line)
    least = _least(folder, faults)
    if (folder / TESTS).is_dir():
        faults += _emptied(folder, lines, least, faults)
    return LabelledSet(tuple(lines), least, f"{folder.name}/{LEAST}", tuple(faults))


def _emptied(
    folder: Path, lines: Sequence[Labelled], least: Collection[tuple[str, str]], faults: Sequence[Fault]
) -> list[Fault]:
    """Name what an editor has taken away, so that nothing would be examined any more."""
    growing, bounds = f"{folder.name}/{GROWING}", f"{folder.name}/{LEAST}"
    found = []
    if growing not in {line.file for line in lines} | {fault.file for fault in faults}:
        found.append(Fault(growing, 0, "一道题也没有，改坏了没人知道"))
    if not least and not any(one.file == bounds for one in faults):
        found.append(Fault(bounds, 0, "没写至少要答到的程度，改坏了没人知道"))
    return found


def unmeasured(labelled: LabelledSet, lines: Sequence[Labelled]) -> list[Fault]:
    """Name each bound of a figure that none of these lines says anything about."""
    expected = {line.expect for line in lines}
    calm = any(line.expect is not Action.EMERGENCY for line in lines)
    return [
        Fault(labelled.file, row, f"{mode} {figure} 有要求，却没有一道题考它")
        for (mode, figure), (_, row) in labelled.least.items()
        if not (EXPECTED[figure] in expected if figure in EXPECTED else calm)
    ]


def labelled_row(text: str, topic: str) -> str:
    """Return the line that says: this question is to be answered with that topic."""
    return json.dumps({"text": text, "expect": Action.ANSWER.value, "topic": topic}, ensure_ascii=False)


def _labelled(row: str, file: str, number: int) -> Labelled | Fault:
    try:
        found = json.loads(row)
    except (ValueError, RecursionError):
        found = None
    if objection := _objection(found):
        return Fault(file, number, objection)
    topics = frozenset(found.get("alt", ())) | ({found["topic"]} if found.get("topic") else frozenset())
    also = frozenset(Action(one) for one in found.get("alt_expect", ()))
    return Labelled(found["text"], Action(found["expect"]), topics, also, file, number)


def _objection(found: Any) -> str:  # noqa: ANN401 -- whatever an editor wrote
    """Say what is wrong with a labelled line; nothing when it is right."""
    if not isinstance(found, dict) or not isinstance(found.get("text"), str) or not found["text"].strip():
        return '要写成一行 JSON：{"text": "…", "expect": "answer", "topic": "主题编号"}'
    if unknown := sorted(found.keys() - KEYS):
        return f"不认识的项 {'、'.join(unknown)}，可以写：{'、'.join(sorted(KEYS))}"
    topic, alternatives, others = found.get("topic"), found.get("alt", []), found.get("alt_expect", [])
    if not _are_words(alternatives) or not _are_words(others) or not isinstance(topic, str | None):
        return "topic 写一个主题编号，alt 和 alt_expect 写成列表"
    if wrong := [one for one in (found.get("expect"), *others) if not isinstance(one, str) or one not in set(Action)]:
        return f"expect 是 {wrong[0]}，要写 {'、'.join(Action)} 之一"
    if found["expect"] == Action.ANSWER and not topic and not alternatives:
        return "expect 是 answer，要写 topic"
    return ""


def _are_words(value: Any) -> bool:  # noqa: ANN401 -- whatever an editor wrote
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _least(folder: Path, faults: list[Fault]) -> dict[tuple[str, str], tuple[float, int]]:
    top = read_fields_if_there(folder, LEAST, MODES)
    if top is None:
        return {}
    found: dict[tuple[str, str], tuple[float, int]] = {}
    for mode in MODES:
        if mode not in top.values:
            continue
        if isinstance(top.values[mode], dict):
            found |= {(mode, figure): bound for figure, bound in _bounds(top, mode).items()}
        else:
            top.fault(mode, f"{mode} 下面要写“名字: 数字”，一行一个")
    faults += top.faults
    return found


def _bounds(top: Fields, mode: str) -> dict[str, tuple[float, int]]:
    fields = mapping_fields(top.values[mode], top.file)
    fields.refuse_unknown(set(FIGURES))
    bounds = {}
    for figure, value in fields.values.items():
        if figure not in FIGURES:
            continue
        if isinstance(value, bool) or not isinstance(value, int | float):
            fields.fault(figure, f"{figure} 要写数字，如 0.8")
        else:
            bounds[figure] = (float(value), fields.lines[figure])
    top.faults += fields.faults
    return bounds


def unknown_topics(labelled: LabelledSet, topics: Collection[str]) -> list[Fault]:
    """Name each topic once that questions are expected to be answered with and that has no answer."""
    first: dict[str, Labelled] = {}
    for line in labelled.lines:
        if line.expect is Action.ANSWER and not line.topics & set(topics):
            first.setdefault(min(line.topics), line)
    return [Fault(line.file, line.line, f"没有主题 {topic}（answers/{topic}.md）") for topic, line in first.items()]


def scores_of(labelled: LabelledSet, outcomes: Mapping[str, Sequence[Outcome]]) -> list[Score]:
    """Return every figure of every mode; one that no line says anything about is left out."""
    found = []
    for mode, figures in ((mode, _figures(mode, outcomes[mode])) for mode in MODES):
        for figure, (share, failing) in figures.items():
            bound, line = labelled.least.get((mode, figure), (None, 0))
            found.append(Score(mode, figure, share, bound, labelled.file, line, tuple(failing)))
    return found


def _figures(mode: str, outcomes: Sequence[Outcome]) -> dict[str, tuple[float, list[Outcome]]]:
    quiet = {Action.SILENT} | ({Action.MENU, Action.HUMAN} if mode == ADDRESSED else set())
    asked = [one for one in outcomes if one.of.expect is Action.ANSWER]
    answered = [one for one in asked if one.action is Action.ANSWER]
    silent = [one for one in outcomes if one.of.expect is Action.SILENT]
    calm = [one for one in outcomes if Action.EMERGENCY not in {one.of.expect, *one.of.also}]
    figures = {
        "answer_recall": _share(asked, _right),
        "answer_precision": _share(answered, lambda one: one.topic in one.of.topics),
        "false_replies_per_1000": _per_1000(silent, lambda one: one.action in quiet | one.of.also),
        "false_emergencies_per_1000": _per_1000(calm, lambda one: one.action is not Action.EMERGENCY),
    }
    for action, figure in ((Action.EMERGENCY, "emergency_recall"), (Action.TIP, "tip_recall")):
        figures[figure] = _share([one for one in outcomes if one.of.expect is action], _right)
    return {figure: figures[figure] for figure in FIGURES if figures[figure] is not None}  # type: ignore[misc]


def _right(one: Outcome) -> bool:
    if one.of.expect is Action.ANSWER and one.action is Action.ANSWER:
        return one.topic in one.of.topics
    return one.action in {one.of.expect, *one.of.also}


def _share(of: Sequence[Outcome], right: Callable[[Outcome], bool]) -> tuple[float, list[Outcome]] | None:
    failing = [one for one in of if not right(one)]
    return (round(1 - len(failing) / len(of), 4), failing) if of else None


def _per_1000(of: Sequence[Outcome], right: Callable[[Outcome], bool]) -> tuple[float, list[Outcome]] | None:
    failing = [one for one in of if not right(one)]
    return (round(1000 * len(failing) / len(of), 1), failing) if of else None


def _shown(one: Outcome) -> str:
    text = one.of.text if len(one.of.text) <= LONGEST_SHOWN else one.of.text[:LONGEST_SHOWN] + "…"
    wanted = "、".join(sorted(one.of.topics)) if one.of.expect is Action.ANSWER else one.of.expect.value
    got = one.topic if one.action is Action.ANSWER else one.action.value
    return f"{one.of.file}:{one.of.line} “{text}”要 {wanted}，得 {got}"
