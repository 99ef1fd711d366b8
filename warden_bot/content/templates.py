"""Texts with variables. Jinja's syntax, but only names, `local.name` and `if`: values in, words out, no code.

The sandbox of Jinja alone does not stop a template from making a gigabyte of text, so every node is checked
against an allow-list before anything is rendered.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Self

from warden_bot.errors import Fault

if TYPE_CHECKING:
    from jinja2.sandbox import ImmutableSandboxedEnvironment

ASK_AT_WINDOW = "以派出所窗口为准"
LOCAL = "local"
ALWAYS = frozenset({LOCAL, "today"})


class Unfilled(str):
    """A local fact that nobody has filled in: false in an `if`, and a safe phrase where it is printed."""

    __slots__ = ()

    def __new__(cls) -> Self:
        """Make the one phrase that every unfilled fact shows."""
        return super().__new__(cls, ASK_AT_WINDOW)

    def __bool__(self) -> bool:
        """Count as absent."""
        return False


@dataclass(frozen=True, slots=True)
class Wording:
    """One text of an editor, with the place where it stands."""

    source: str
    file: str
    line: int

    def render(self, values: Mapping[str, object]) -> str:
        """Return the finished words. `faults` must have been empty for the names in `values`."""
        if "{" not in self.source:
            return self.source
        return _compiled(self.source).render(values).strip()

    def faults(self, local: Mapping[str, object], extra: frozenset[str] = frozenset()) -> list[Fault]:
        """Name every variable that does not exist and everything that is not allowed in a text."""
        if "{" not in self.source:
            return []
        from jinja2 import TemplateSyntaxError  # noqa: PLC0415 -- rare: only texts with variables need Jinja

        try:
            known = frozenset(local)
            return [Fault(self.file, self.line + row - 1, why) for row, why in _objections(self.source, known, extra)]
        except RecursionError:
            return [Fault(self.file, self.line, "变量写法不对：套得太深")]
        except TemplateSyntaxError as error:
            return [Fault(self.file, self.line + error.lineno - 1, f"变量写法不对：{error.message}")]


@cache
def _environment() -> "ImmutableSandboxedEnvironment":
    from jinja2 import StrictUndefined  # noqa: PLC0415 -- rare: see Wording.faults
    from jinja2.sandbox import ImmutableSandboxedEnvironment  # noqa: PLC0415 -- rare: see Wording.faults

    # Plain text for chat groups, never HTML: escaping would show people "&lt;".
    return ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False)


@lru_cache(maxsize=1024)
def _compiled(source: str) -> "_Template":
    return _environment().from_string(source)


if TYPE_CHECKING:
    from jinja2 import Template as _Template


@lru_cache(maxsize=1024)  # when one file has changed, all the others are read again too
def _objections(source: str, local: frozenset[str], extra: frozenset[str]) -> list[tuple[int, str]]:
    from jinja2 import nodes  # noqa: PLC0415 -- rare: see Wording.faults

    allowed = (nodes.Template, nodes.Output, nodes.TemplateData, nodes.If, nodes.Not, nodes.And, nodes.Or)
    found: list[tuple[int, str]] = []

    def look(node: nodes.Node) -> None:
        if isinstance(node, nodes.Getattr) and isinstance(node.node, nodes.Name) and node.node.name == LOCAL:
            if node.attr not in local:
                found.append((node.lineno, f"local.yml 里没有 {node.attr}"))
            return
        if isinstance(node, nodes.Name):
            if node.name not in (ALWAYS | extra) - {LOCAL}:
                found.append((node.lineno, f"没有变量 {node.name}"))
            return
        if not isinstance(node, allowed):
            found.append((node.lineno, "这里只能写变量和 if，不能写别的"))
            return
        for child in node.iter_child_nodes():
            look(child)

    look(_environment().parse(source))
    return found
