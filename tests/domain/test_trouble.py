import ast
import re
from pathlib import Path

import pytest

from tests.conftest import ROOT
from warden_bot.domain.trouble import TROUBLES, UNKNOWN, in_words, of_asking
from warden_bot.states import AttemptOutcome

RAISED = ("SendError", "OutcomeUnknown")
CODE = re.compile(r"[a-z]+(_[a-z]+)*")
OUTCOME = re.compile("AttemptOutcome|" + "|".join(f"'{one.name}'" for one in AttemptOutcome))


def raised_in(path: Path) -> set[str]:
    """Return the codes that a channel gives to what it raises, or holds in a table beside an outcome."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        is_raised = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in RAISED
        items = node.args[:1] if isinstance(node, ast.Call) and is_raised else []
        if isinstance(node, ast.Tuple) and len(node.elts) in (2, 3) and OUTCOME.search(ast.dump(node.elts[1])):
            items = node.elts[:1]
        found |= {one.value for one in items if isinstance(one, ast.Constant) and isinstance(one.value, str)}
    return {code for code in found if CODE.fullmatch(code)}


def test_every_code_that_we_raise_has_words_and_a_remedy() -> None:
    codes = set().union(*(raised_in(path) for path in (ROOT / "warden_bot").rglob("*.py")))

    assert codes - TROUBLES.keys() == set()
    assert {"throttled", "route_broken", "no_answer", "content_refused", "channel_fault"} <= codes


@pytest.mark.parametrize("code", TROUBLES)
def test_trouble_says_what_happened_and_what_to_do_in_one_line(code: str) -> None:
    trouble = in_words(code)

    assert str(trouble) == f"{trouble.what}。{trouble.remedy}"
    assert trouble.remedy
    assert "\n" not in str(trouble)
    assert not str(trouble).endswith("。")


def test_code_that_nobody_knows_is_for_the_developers() -> None:
    assert in_words("flux_capacitor") is UNKNOWN


def test_nothing_may_have_arrived_where_nothing_was_sent() -> None:
    assert of_asking("no_answer") == in_words("unreachable")
    assert of_asking("route_broken") == in_words("route_broken")
