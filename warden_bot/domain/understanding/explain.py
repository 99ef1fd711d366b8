"""Say why the bot understood a text as it did: for editors who add a line, and for whoever doubts an answer."""

from warden_bot.domain.understanding.danger import danger_kind, is_lesson
from warden_bot.domain.understanding.intents import asks_something, intent
from warden_bot.domain.understanding.judge import USUAL, judge
from warden_bot.domain.understanding.normalise import normalise
from warden_bot.domain.understanding.retrieve import SampleIndex


def explain(text: str, index: SampleIndex, *, addressed: bool) -> list[str]:
    """Return one line a step, in the order in which `judge` takes them."""
    normalised = normalise(text)
    verdict = judge(text, index, addressed=addressed)
    ranking = index.rank(text)
    kind = danger_kind(normalised) or "无"
    asked = intent(text, normalised, addressed=addressed)
    needed = USUAL.for_answers(addressed=addressed, asks=asks_something(text))
    excused = "（像在讲课、演练或假设）" if is_lesson(normalised) else ""
    limits = f"要 {USUAL.danger}，有句式时要 {USUAL.danger_named}，在问话时要 {USUAL.danger_named_asking}"
    rows = [
        f"读作：{normalised or '（没有字）'}",
        f"危险句式：{kind}{excused}；和求救的话比：{_number(ranking.danger)}（{limits}）",
        f"口令：{asked.value if asked else '无'}；在问：{'是' if asks_something(text) else '否'}",
        f"不是主题的，最像：{ranking.act.value if ranking.act else '无'}，比主题近 {ranking.lead:+.2f}",
    ]
    for match in ranking.topics:
        keyword = f"，关键词 {match.keyword}" if match.keyword else ""
        rows.append(f"主题 {match.topic}：把握 {match.score:.2f}（要 {needed}）{keyword}")
    rows += [f"依据 {row}" for row in index.explain(text)]
    rows.append(f"结论：{verdict.action.value} {verdict.topic or ''}，{verdict.reason}".replace(" ，", "，"))
    return rows


def _number(lead: float | None) -> str:
    return "没有这样的样句" if lead is None else f"{lead:+.2f}"
