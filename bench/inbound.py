"""inbound: signed questions on the webhook, 32 at once, against a bare handler that checks the signature only."""

from collections.abc import Sequence

from bench.asking import (
    ONE_QUESTION,
    Answers,
    ask,
    bare_inbound,
    generator_note,
    many_questions,
    misstored,
    other_answers,
)
from bench.figures import Figure, Goal, Pair, as_rates, as_times, notes, paired
from bench.place import Kind, Place
from bench.processes import BenchFailed, Running

RATES = {Kind.SQLITE: Goal("ratio", "at least", 0.6), Kind.POSTGRESQL: Goal("ratio", "at least", 0.5)}
SLOWEST = Goal("ours", "below", 100)
NONE = Goal("ours", "at most", 0)


async def measure(place: Place) -> list[Figure]:
    """Measure one question asked again and again, and many different ones, on both databases."""
    mixes = {"one question": ONE_QUESTION, "many questions": await many_questions(place)}
    figures: list[Figure] = []
    async with bare_inbound(place) as (bare, bare_base):
        for kind in Kind:
            school, rounds = await place.school(kind), list[Answers]()
            async with school.program.serve("all") as server:
                for mix, questions in mixes.items():
                    both = await _rounds(place, (bare, bare_base), (server, school.program.base), questions)
                    figures += _figures(f"inbound: {kind}, {mix}", kind, both)
                    rounds += [ours for _, ours in both]
            figures += account(f"inbound: {kind}", rounds, misstored(school, rounds))
    return figures


async def _rounds(
    place: Place, bare: tuple[Running, str], ours: tuple[Running, str], questions: Sequence[str]
) -> list[tuple[Answers, Answers]]:
    return [
        (await _bare_round(place, *bare, questions), await ask(place, *ours, questions)) for _ in range(place.pairs)
    ]


async def _bare_round(place: Place, bare: Running, base: str, questions: Sequence[str]) -> Answers:
    answers = await ask(place, bare, base, questions)
    if answers.unanswered:
        raise BenchFailed(f"the bare handler did not answer everything: {other_answers([answers])}")
    return answers


def _figures(name: str, kind: Kind, rounds: Sequence[tuple[Answers, Answers]]) -> list[Figure]:
    note = notes(kind.note, generator_note([bare for bare, _ in rounds]))
    rates = [Pair(bare.per_second, ours.per_second) for bare, ours in rounds]
    halves = [Pair(bare.p50, ours.p50) for bare, ours in rounds]
    tails = [Pair(bare.p99, ours.p99) for bare, ours in rounds]
    return [
        paired(name, "/s", rates, as_rates, RATES[kind], note),
        paired(f"{name}, p50", "ms", halves, as_times),
        paired(f"{name}, p99", "ms", tails, as_times, SLOWEST),
    ]


def account(name: str, rounds: Sequence[Answers], wrongly_stored: int) -> list[Figure]:
    """Return how many messages were not answered, and how many answered ones are not stored exactly once."""
    asked = f"of {sum(one.asked for one in rounds):,} asked, warming up included"
    unanswered = sum(one.unanswered for one in rounds)
    return [
        Figure(f"{name}, not answered", "messages", unanswered, goal=NONE, note=other_answers(rounds) or asked),
        Figure(f"{name}, not stored once", "messages", wrongly_stored, goal=NONE, note=asked),
    ]
