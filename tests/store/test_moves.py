"""The table of moves is the only way to a delivery's status."""

import ast
from collections.abc import Iterator

import pytest

from tests.conftest import ROOT
from tests.delivery_model import SENT
from warden_bot.errors import IllegalMove
from warden_bot.states import DELIVERY_MOVES, DeliveryMove, DeliveryStatus
from warden_bot.store.moves import moving


@pytest.mark.parametrize("move", DeliveryMove)
def test_moving_refuses_what_is_not_in_the_table(move: DeliveryMove) -> None:
    sources, targets = DELIVERY_MOVES[move]
    assert SENT not in sources, "what was sent stays sent"

    for target in DeliveryStatus:
        if target in targets:
            assert str(moving(move, target)).startswith("UPDATE delivery SET status=")
        else:
            with pytest.raises(IllegalMove):
                moving(move, target)


def writes_of_status(tree: ast.AST) -> Iterator[str]:
    """Yield every place that looks like changing a delivery's `status`: in SQL, in `.values(…)`, in an assignment."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and "UPDATE delivery SET" in str(node.value):
            if "status" in str(node.value).partition("UPDATE delivery SET")[2].partition("WHERE")[0]:
                yield str(node.value)
        elif (
            isinstance(node, ast.Call)
            and ast.unparse(node.func).endswith(".values")
            and not any(other in ast.unparse(node) for other in ("Case", "MissedQuestion", "Alert"))
        ):
            yield from (ast.unparse(node) for keyword in node.keywords if keyword.arg == "status")
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and node.attr == "status":
            yield from [ast.unparse(node)] if "delivery" in ast.unparse(node) else []


def test_the_status_of_a_delivery_is_changed_in_two_files() -> None:
    package = ROOT / "warden_bot"
    paths = [path for path in sorted(package.rglob("*.py")) if "migrations" not in path.parts]
    places = {path: list(writes_of_status(ast.parse(path.read_text("utf-8")))) for path in paths}

    found = {str(path.relative_to(package)): ways for path, ways in places.items() if ways}
    assert {file: len(ways) for file, ways in found.items()} == {
        "store/moves.py": 4,  # claim, claim_batches, put_back, and `moving` for all others
        "store/tries.py": 1,  # record
    }
