"""Questions of the council hall: what the station asks families, until when, and later what it says to the opinions."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from enum import StrEnum

from warden_bot.content.reading import Page
from warden_bot.content.templates import Wording
from warden_bot.errors import Fault

ASKS, REPLIES = "问题", "答复"
LONGEST_OPEN = timedelta(days=120)
LAST_YEAR = 2100


class Stage(StrEnum):
    """Where a question stands on a day."""

    COMING = "coming"
    OPEN = "open"
    CLOSED = "closed"  # the station has not answered yet
    ANSWERED = "answered"


@dataclass(frozen=True, slots=True)
class CouncilQuestion:
    """One question; people write from its first to its last day."""

    question: str
    title: str
    opens: date
    closes: date
    asks: Wording
    reply: Wording | None
    file: str
    title_line: int = 1
    demo_line: int = 0  # where it says that nobody really asks this; 0: somebody does

    def stage(self, today: date) -> Stage:
        """Return where it stands."""
        if today < self.opens:
            return Stage.COMING
        if today <= self.closes:
            return Stage.OPEN
        return Stage.ANSWERED if self.reply is not None else Stage.CLOSED

    def closed_at(self, zone: tzinfo) -> datetime:
        """Return the end of its last day."""
        return datetime.combine(self.closes + timedelta(days=1), datetime.min.time(), zone)


def parse_council(page: Page, stem: str) -> CouncilQuestion:
    """Read a question's page. What is missing is noted in the page's faults."""
    fields = page.fields
    fields.refuse_unknown({"question", "title", "opens", "closes", "demo"})
    question = fields.text("question")
    if question and question != stem:
        fields.fault("question", f"question 是 {question}，文件名却是 {stem}.md，两个要一样")
    opens, closes = fields.day("opens"), fields.day("closes")
    if date.min < closes < opens:
        fields.fault("closes", f"closes（{closes}）比 opens（{opens}）还早")
    elif date.min < opens and closes - opens > LONGEST_OPEN:
        fields.fault("closes", f"最多开 {LONGEST_OPEN.days} 天")
    if closes.year > LAST_YEAR:
        fields.fault("closes", f"最晚写到 {LAST_YEAR} 年")
    for section in page.sections:
        if section.heading not in (ASKS, REPLIES):
            reason = f"不认识的“## {section.heading}”，可以写：{ASKS}、{REPLIES}"
            fields.faults.append(Fault(fields.file, section.line - 1, reason))
    asks = _section(page, ASKS)
    if asks is None:
        fields.faults.append(Fault(fields.file, 1, f"缺少“## {ASKS}”"))
    return CouncilQuestion(
        question or stem,
        fields.text("title"),
        opens,
        closes,
        asks or Wording("", fields.file, 1),
        _section(page, REPLIES),
        fields.file,
        fields.lines.get("title", 1),
        fields.lines["demo"] if fields.values.get("demo") else 0,
    )


def _section(page: Page, heading: str) -> Wording | None:
    found = page.named(heading)
    if len(found) > 1:
        page.fields.faults.append(Fault(page.fields.file, found[1].line - 1, f"“## {heading}”只能写一次"))
    return Wording(found[0].text.strip(), page.fields.file, found[0].line) if found else None
