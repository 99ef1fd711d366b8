"""Asking questions in masses: which ones, by the load generator in its own process, and what became of them."""

import json
import os
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.load import WARM_UP
from bench.place import Place
from bench.processes import BenchFailed, Running, finished, module, running, until_healthy
from bench.program import Program
from bench.school import School
from tests.command_line import free_port

ONE_QUESTION = ["反诈热线是多少"]
ROUND, QUICK_ROUND = 10_000, 2_000
BUSY = 0.9
SAMPLES = "## 问法"


@dataclass(frozen=True, slots=True)
class Answers:
    """What one round of questions gave."""

    prefix: str
    asked: int
    per_second: float
    p50: float
    p99: float
    cpu_share: float
    kinds: dict[str, int]
    unacknowledged: list[int]

    @property
    def acknowledged(self) -> set[str]:
        """The ids of all messages that were answered with 200."""
        missing = set(self.unacknowledged)
        return {f"{self.prefix}-{number}" for number in range(self.asked) if number not in missing}

    @property
    def unanswered(self) -> int:
        """How many got anything but 200 with a text."""
        return self.asked - self.kinds.get("text", 0)


async def ask(place: Place, server: Running, base: str, questions: Sequence[str]) -> Answers:
    """Ask one round of questions, in turn, each with an id of its own."""
    count, prefix = QUICK_ROUND if place.quick else ROUND, os.urandom(6).hex()
    file = place.folder / f"questions-{prefix}.json"
    _write(file, json.dumps(list(questions)))
    said = await server.while_alive(finished(module("bench.load", base, count, prefix, file), place.folder))
    found: dict[str, Any] = json.loads(said)
    return Answers(prefix, count + WARM_UP, **found)


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


@asynccontextmanager
async def bare_inbound(place: Place) -> AsyncIterator[tuple[Running, str]]:
    """Run the bare handler and say where it stands."""
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    async with running("bare inbound", module("bench.bare.servers", "inbound", port), place.folder) as process:
        await until_healthy(process, base)
        yield process, base


async def many_questions(place: Place) -> list[str]:
    """Return every way of asking that the content lists and that the program answers from it.

    The others are calls for help and tips, which are not what this measures.
    """
    samples = sample_questions(place.content())
    folder = place.folder / "asking"
    folder.mkdir(exist_ok=True)
    rows = [json.dumps({"id": number, "text": sample}) for number, sample in enumerate(samples)]
    _write(folder / "samples.jsonl", "\n".join(rows))
    program = Program(folder, {"CONTENT_DIR": str(place.content())})
    judged = [
        json.loads(line)
        for line in (await program.command("ask", "--jsonl", "samples.jsonl", "--addressed")).splitlines()
    ]
    return [samples[one["id"]] for one in judged if one["action"] == "answer"]


def sample_questions(content: Path) -> list[str]:
    """Read the list under 问法 of every answer."""
    found = []
    for path in sorted((content / "answers").glob("*.md")):
        samples = path.read_text(encoding="utf-8").partition(SAMPLES)[2].partition("\n## ")[0]
        found += [line.removeprefix("- ").strip() for line in samples.splitlines() if line.startswith("- ")]
    if not found:
        raise BenchFailed(f"no answer lists ways of asking under {SAMPLES}")
    return list(dict.fromkeys(found))


def misstored(school: School, rounds: Sequence[Answers]) -> int:
    """Count the acknowledged messages that are not stored exactly once."""
    stored = school.stored()
    return sum(stored[message_id] != 1 for one in rounds for message_id in one.acknowledged)


def other_answers(rounds: Sequence[Answers]) -> str:
    """Name what came back instead of an answer with a text."""
    kinds: Counter[str] = Counter()
    for one in rounds:
        kinds.update(one.kinds)
    del kinds["text"]
    return ", ".join(f"{count} × {kind}" for kind, count in kinds.items())


def generator_note(bare: Sequence[Answers]) -> str:
    """Say how busy the generator was while it measured the baseline."""
    share = max(one.cpu_share for one in bare)
    warning = ", so the baseline may be too low" if share > BUSY else ""
    return f"the load generator used {share:.0%} of a core in the baseline's busiest round{warning}"
