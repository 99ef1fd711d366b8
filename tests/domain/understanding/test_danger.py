import importlib
from collections.abc import Iterable
from typing import Any

import pytest

from warden_bot.domain.understanding.danger import PATTERNS, TELLING

parser = importlib.import_module("re._parser")  # how Python itself reads an expression; only this test leans on it


def needs_one_of(expression: Iterable[Any], characters: set[int]) -> bool:
    """Say whether everything that an expression matches has one of the characters."""
    return any(_part_needs_one_of(str(part), values, characters) for part, values in expression)


def _part_needs_one_of(part: str, values: Any, characters: set[int]) -> bool:
    match part:
        case "LITERAL":
            return values in characters
        case "IN":
            return all(str(kind) == "LITERAL" and one in characters for kind, one in values)
        case "BRANCH":
            return all(needs_one_of(branch, characters) for branch in values[1])
        case "SUBPATTERN":
            return needs_one_of(values[3], characters)
        case "MAX_REPEAT":
            return values[0] > 0 and needs_one_of(values[2], characters)
        case _:  # any character, an edge, a look around: needs nothing that we know of
            return False


@pytest.mark.parametrize("kind", PATTERNS)
def test_every_danger_has_one_of_its_telling_characters(kind: str) -> None:
    assert needs_one_of(parser.parse(PATTERNS[kind]), {ord(character) for character in TELLING[kind]})


@pytest.mark.parametrize(
    ("expression", "characters", "needed"),
    [
        ("着火|冒烟", "火烟", True),
        ("着火|冒烟", "火", False),
        ("(?:着|了)?火", "着了", False),
        (r"[刀枪]\w", "刀", False),
        ("(?<!防)水", "防", False),
        ("[^火]", "火", False),
        ("火*", "火", False),
    ],
)
def test_the_proof_itself(expression: str, characters: str, *, needed: bool) -> None:
    assert needs_one_of(parser.parse(expression), set(map(ord, characters))) is needed
