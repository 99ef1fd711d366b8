"""The house rules that a machine can hold us to."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from warden_bot.channels.base import Channel
from warden_bot.channels.registry import CHANNELS, channel_settings
from warden_bot.settings import PREFIX, Settings
from warden_bot.states import ChannelKind

MOST_LINES = 300
README = (ROOT / "README.md").read_text(encoding="utf-8")
SOURCES = sorted(
    path
    for folder in ("warden_bot", "tests")
    for path in (ROOT / folder).rglob("*.py")
    if "migrations" not in path.parts  # generated
)


def test_imports_only_go_down() -> None:
    command: list[Path | str] = [
        Path(sys.executable).with_name("lint-imports"),
        "--no-cache",
        "--config",
        ROOT / "pyproject.toml",
    ]

    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert ended.returncode == 0, ended.stdout


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_file_is_of_one_room_s_size(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MOST_LINES
    assert not re.search(r"util|helper|common|misc", path.name)


def test_package_markers_are_empty() -> None:
    markers = (ROOT / "warden_bot").rglob("__init__.py")

    assert [path for path in markers if path.read_text(encoding="utf-8")] == []


@pytest.mark.parametrize("name", [name for name in Settings.model_fields if name != "channels"])
def test_setting_is_in_the_readme_and_the_example(name: str) -> None:
    assert f"`{PREFIX}{name.upper()}`" in README
    assert f"{PREFIX}{name.upper()}=" in (ROOT / ".env.example").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("kind", "name"), [(kind, one.name) for kind, found in channel_settings().items() for one in found]
)
def test_channel_setting_is_in_the_readme(kind: str, name: str) -> None:
    assert f"`{PREFIX}{kind.upper()}_{name}`" in README


@pytest.mark.parametrize("kind", list(ChannelKind))
def test_channel_has_all_the_places_that_contributing_lists(kind: ChannelKind) -> None:
    channels = ROOT / "warden_bot" / "channels"
    places = [channels / f"{kind}.py", channels / kind / "channel.py"]
    pages = (ROOT / "docs" / "channels" / "README.md").read_text(encoding="utf-8")

    assert [place.exists() for place in places].count(True) == 1
    assert CHANNELS[kind].kind is kind
    assert (ROOT / "tests" / "platforms" / f"{kind}.py").exists()
    assert (ROOT / "tests" / "channels" / f"test_{kind}.py").exists()
    assert f'"warden_bot.channels.{kind}"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert f"`WARDEN_{kind.upper()}_" in README
    assert (ROOT / "docs" / "channels" / f"{kind}.md").exists()
    assert pages.count(f"]({kind}.md)") >= 2, "in Chinese and in English"


@pytest.mark.parametrize("kind", list(ChannelKind))
def test_channel_s_methods_stand_in_the_order_of_the_contract(kind: ChannelKind) -> None:
    order = [name for name in vars(Channel) if not name.startswith("_")]
    own = [name for name in vars(CHANNELS[kind]) if name in order]

    assert own == sorted(own, key=order.index)


def test_a_refusal_is_never_rewritten() -> None:
    """Its text would keep the old code: `SendError.restated` makes a new one."""
    channels = (ROOT / "warden_bot" / "channels").rglob("*.py")

    assert [path for path in channels if re.search(r"\berror\.\w+(, error\.\w+)* \+?= ", path.read_text("utf-8"))] == []


OURS = {ChannelKind.SANDBOX, ChannelKind.WEBHOOK, ChannelKind.RELAY}  # our own words, which name no platform
PLATFORM_NAMES = re.compile("|".join(sorted({kind.split("_")[0] for kind in set(ChannelKind) - OURS})), re.IGNORECASE)
MAY_NAME_PLATFORMS = {"states.py", "channels/registry.py"}


def test_a_platform_is_named_in_its_own_files_only() -> None:
    package = ROOT / "warden_bot"
    own = [re.compile(rf"channels/{kind}(\.py|/.*)") for kind in ChannelKind]
    naming = []
    for path in sorted(package.rglob("*.py")):
        place = str(path.relative_to(package))
        if place in MAY_NAME_PLATFORMS or "migrations" in path.parts or any(one.fullmatch(place) for one in own):
            continue
        naming += [place] if PLATFORM_NAMES.search(code_of(path)) else []

    assert naming == []


def code_of(path: Path) -> str:
    """Return a file's names and strings; comments and docstrings may say where a habit was met."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    documents = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    said = [str(node.value) for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in documents]
    named = [node.id for node in ast.walk(tree) if isinstance(node, ast.Name)]
    return "\n".join([*said, *named, *(node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute))])


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock", "requirements-matrix.lock"])
def test_lock_pins_hashes_and_names_no_registry(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")

    assert "://" not in text
    assert "--index-url" not in text
    pinned = re.findall(
        r"^[a-z0-9_.-]+(?:\[[a-z,]+\])?==\S+.*(?:\n    --hash=sha256:[0-9a-f]{64}.*)+", text, re.MULTILINE
    )
    assert len(pinned) == len(re.findall(r"^[a-z0-9]", text, re.MULTILINE))


def test_every_dependency_is_justified() -> None:
    wanted = [re.split(r"[\[><=]", row)[0] for row in (ROOT / "requirements.in").read_text(encoding="utf-8").split()]
    decisions = (ROOT / "docs" / "decisions" / "0002-few-dependencies.md").read_text(encoding="utf-8")

    assert [name for name in wanted if f"`{name.split(',')[0]}`" not in decisions] == []


def test_readme_s_files_exist() -> None:
    linked = re.findall(r"\]\(([\w./-]+)\)", README)

    assert linked
    assert [name for name in linked if not (ROOT / name).exists()] == []
