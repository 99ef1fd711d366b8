"""Answers and campaign messages as editors write them, and the rules every such text has to keep."""

import re
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date

from warden_bot.content.reading import Page, Section
from warden_bot.content.templates import Wording
from warden_bot.domain.audience import Audience, parse_audience
from warden_bot.errors import Fault, Refused

FAMILIES = {"fraud", "drugs", "traffic", "water", "fire", "mind", "exam", "other"}
LINK = re.compile(r"https?://|www\.|\b[a-z0-9-]+\.(?:com|cn|net|org)\b", re.IGNORECASE)
NUMBER = re.compile(  # in a row whose width is folded; what may be a price, a year, a share or a time is none
    r"(?<!\d)(?<!\d[.:-])(?:1[12]\d{1,6}|9\d{4}|100(?!00)\d{2}|106\d{5,17}|(?:\+?86[ -]?)?1[3-9]\d[ -]?\d{4}[ -]?\d{4}"
    r"|\(?0\d{2,3}\)?[ -]?\d{3,4}[ -]?\d{4}|[48]00[ -]?\d{3,4}[ -]?\d{3,4}|(?!20\d{6})[2-8]\d{6,7})"
    r"(?!\d|[.:]\d|[条元年%块])"
)
SPELLED = re.compile(r"[零〇一二三四五六七八九幺]{7,}")  # a number somebody wrote in characters
SPELLED_DIGITS = str.maketrans("零〇一二三四五六七八九幺", "001234567891")
BANNED = (
    "一定追回",
    "保证追回",
    "马上到",
    "已报警",
    "正在赶来",
    "绝对查不到",
    "温馨提示",
    "震惊",
    "速看",
    "收到请回复",
    "请回复收到",
    "包追回",
    "全额追回",
    "马上就到",
    "马上赶到",
    "正在赶往",
    "已出警",
    "已通知救护车",
)
SURE, UNSURE = "一定|保证|肯定|绝对|确保|必定|必能|百分之百|百分百|100%", "不没未谁没人"
PROMISE = re.compile(  # that something will be got back, or somebody caught; "不一定能追回" is honest
    rf"(?<![{UNSURE}])(?<![{UNSURE}][能敢会])(?:{SURE})(?:都|能|会|可以|帮|替|给|把|为|您|你|我们|全部|全额|钱|案子)*"
    r"(?:追回|追得回|追到|找回|要回|退回|拿回|破案|破得了|抓到|抓住)"
)
LONGEST_GROUP, LONGEST_PRIVATE, LONGEST_PUSH = (120, 200, 120)  # characters; the README asks for 90, 120 and 90


@dataclass(frozen=True, slots=True)
class Basis:
    """One fact of an answer with how sure it is and who says so."""

    confidence: str
    fact: str
    authority: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What the bot says about one topic."""

    topic: str
    title: str
    reviewed: date
    review_by: date
    keywords: tuple[str, ...]
    group: Wording
    private: Wording
    basis: tuple[Basis, ...]
    samples: tuple[str, ...]
    file: str
    sample_lines: tuple[int, ...] = ()  # where each sample stands
    title_line: int = 1  # where its title stands
    review_line: int = 1  # and its review date


@dataclass(frozen=True, slots=True)
class Campaign:
    """A standing plan to tell groups something; `wordings` take turns."""

    campaign: str
    title: str
    family: str
    topic: str
    audience: Audience
    authority: str
    reviewed: date
    review_by: date
    wordings: tuple[Wording, ...]
    file: str
    title_line: int = 1  # where its title stands
    review_line: int = 1  # and its review date


@dataclass(frozen=True, slots=True)
class Findings:
    """What is wrong (`faults`) and what somebody should look at (`warnings`)."""

    faults: list[Fault]
    warnings: list[Fault]


BASIS_LINE = re.compile(r"\[(H|G|M|L|D|LOCAL)\]\s*(.+?)\s*——\s*(.+)")


def parse_answer(page: Page, stem: str) -> Answer:
    """Read an answer page. What is missing is noted in the page's faults."""
    fields = page.fields
    fields.refuse_unknown({"topic", "title", "reviewed", "review_by", "keywords"})
    topic = fields.text("topic")
    if topic and topic != stem:
        fields.fault("topic", f"topic 是 {topic}，文件名却是 {stem}.md，两个要一样")
    basis = []
    for line, row in _only(page, "依据").bullets():
        if match := BASIS_LINE.fullmatch(row):
            basis.append(Basis(match[1], match[2], match[3]))
        else:
            fields.faults.append(Fault(fields.file, line, "依据要写成“[H] 事实 —— 出处”"))
    samples = tuple(_only(page, "问法").bullets())
    return Answer(
        topic or stem,
        fields.text("title"),
        fields.day("reviewed"),
        fields.day("review_by"),
        fields.words("keywords"),
        _wording(_only(page, "群里"), fields.file),
        _wording(_only(page, "私聊"), fields.file),
        tuple(basis),
        tuple(row for _, row in samples),
        fields.file,
        tuple(line for line, _ in samples),
        fields.lines.get("title", 1),
        fields.lines.get("review_by", 1),
    )


def parse_campaign(page: Page, stem: str) -> Campaign:
    """Read a campaign page. What is missing is noted in the page's faults."""
    fields = page.fields
    fields.refuse_unknown({"campaign", "title", "family", "topic", "audience", "authority", "reviewed", "review_by"})
    campaign = fields.text("campaign")
    if campaign and campaign != stem:
        fields.fault("campaign", f"campaign 是 {campaign}，文件名却是 {stem}.md，两个要一样")
    family = fields.text("family")
    if family and family not in FAMILIES:
        fields.fault("family", f"family 要写 {'、'.join(sorted(FAMILIES))} 之一")
    audience = Audience("", ())
    if rule := fields.text("audience"):
        try:
            audience = parse_audience(rule)
        except Refused as refusal:
            fields.fault("audience", str(refusal))
    sections = page.named("正文")
    if not sections and not fields.faults:
        fields.faults.append(Fault(fields.file, 1, "缺少“## 正文”"))
    return Campaign(
        campaign or stem,
        fields.text("title"),
        family,
        fields.text("topic", needed=False),
        audience,
        fields.text("authority"),
        fields.day("reviewed"),
        fields.day("review_by"),
        tuple(_wording(section, fields.file) for section in sections),
        fields.file,
        fields.lines.get("title", 1),
        fields.lines.get("review_by", 1),
    )


def _only(page: Page, heading: str) -> Section:
    found = page.named(heading)
    if len(found) == 1:
        return found[0]
    if page.sections or not page.fields.faults:
        reason = f"“## {heading}”写了 {len(found)} 次，只能一次" if found else f"缺少“## {heading}”"
        page.fields.faults.append(Fault(page.fields.file, found[1].line - 1 if found else 1, reason))
    return found[0] if found else Section(heading, 1, "")


def _wording(section: Section, file: str) -> Wording:
    return Wording(section.text.strip(), file, section.line)


def check_words(
    wording: Wording,
    *,
    local: Mapping[str, object],
    values: Mapping[str, object],
    numbers: Collection[str],
    longest: int,
    extra: frozenset[str] = frozenset(),
) -> Findings:
    """Check one text: variables, links, phone numbers, promises nobody can keep, length."""
    faults = wording.faults(local, extra)
    if faults:
        return Findings(faults, [])
    for offset, row in enumerate(wording.source.splitlines()):
        line = wording.line + offset
        faults += [Fault(wording.file, line, f"号码 {number} 不在 hotlines.yml 里") for number in strange(row, numbers)]
        faults += [Fault(wording.file, line, f"不能写“{phrase}”") for phrase in promises(row)]
        if LINK.search(row):
            faults.append(Fault(wording.file, line, "不能放链接"))
    length = len(wording.render(values).replace("\n", ""))
    warnings = []
    if length > longest:
        warnings.append(Fault(wording.file, wording.line, f"有 {length} 个字，最好不超过 {longest}"))
    return Findings(faults, warnings)


def strange(row: str, numbers: Collection[str]) -> list[str]:
    """Return the phone numbers of a row that nobody approved."""
    row = unicodedata.normalize("NFKC", row)
    found = NUMBER.findall(row) + SPELLED.findall(row)
    return [one for one in found if re.sub(r"\D", "", one.translate(SPELLED_DIGITS)) not in numbers]


def promises(row: str) -> list[str]:
    """Return what stands in a row and may not be said: what nobody can promise, and what only makes noise."""
    close = "".join(row.split())
    return [phrase for phrase in BANNED if phrase in close] or PROMISE.findall(close)
