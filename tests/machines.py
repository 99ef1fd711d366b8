"""What stories with several processes share: a school on one database, and programs of any role that come and go."""

import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from signal import SIGKILL

from tests.command_line import free_port
from tests.kill_school import HEAD, SECRET
from tests.nursery import Child
from tests.plain_database import PlainDatabase
from tests.platform_client import ROOT, FakePlatform

GROUPS = 369
PATIENCE = 60  # seconds until something that must happen is given up
LOOK_SECONDS = 0.05
STARTED = "Ctrl+C"  # a server's first line says how to stop it
OWED = "SELECT count(*) FROM delivery WHERE status IN ('queued', 'sending')"
NO_CALENDAR = "calendar: []\n"  # the real one would push by the real clock in the middle of a story


def hooks(count: int) -> list[str]:
    return [f"h{number},h{number}群,class,高三,webhook,/hook/h{number},,,," for number in range(count)]


def robots(count: int) -> list[str]:
    return [f"r{number},r{number}群,class,高三,wecom_robot,r{number},,,," for number in range(count)]


class Machines:
    """Starts programs on one database; none of them outlives the story."""

    def __init__(self, folder: Path, url: str, platform: FakePlatform, calendar: str, zone: str) -> None:
        self.database = PlainDatabase(url)
        self.folder = folder
        self.platform = platform
        self._started: list[Child] = []
        shutil.copytree(ROOT / "content", folder / "content")
        (folder / "content" / "calendar.yml").write_text(calendar, encoding="utf-8")
        self._settings = {
            "DATABASE_URL": url,
            "SECRET_KEYS": "ab" * 32,
            "CONTENT_DIR": str(folder / "content"),
            "TIMEZONE": zone,
            "WEBHOOK_SECRET": SECRET,
            "WEBHOOK_API_BASE": platform.base,
            "WECOM_ROBOT_API_BASE": platform.base,
        }

    def start(self, *arguments: str, port: int = 0) -> Child:
        """Start a command that is waited for elsewhere."""
        child = Child(self.folder, self._settings | {"PORT": str(port or free_port())}, *arguments)
        self._started.append(child)
        return child

    def run(self, *arguments: str) -> None:
        """Run a command to its good end."""
        self.start(*arguments).finish()

    def serve(self, *roles: str) -> list[Child]:
        """Start one server a role, and return when all of them work."""
        children = [self.start("serve", "--role", role) for role in roles]
        for child in children:
            until(lambda child=child: child.said(STARTED) or not child.running, str(child))  # type: ignore[misc]
            assert child.running, str(child)
        return children

    def send(self, tag: str, priority: str = "routine") -> None:
        self.run("broadcast", "send", "--text", f"{tag} 过马路别看手机", "--priority", priority)

    def until_nothing_is_owed(self) -> None:
        until(lambda: not self.database.number(OWED), "everything is sent")

    def end(self) -> None:
        for child in self._started:
            child.signal(SIGKILL)  # ends a stopped one too
            child.wait()


@contextmanager
def machines(
    folder: Path,
    url: str,
    groups: Sequence[str],
    platform: FakePlatform,
    calendar: str = NO_CALENDAR,
    zone: str = "Asia/Shanghai",
) -> Iterator[Machines]:
    """Make the tables and the school in an empty database; at the end stop whatever runs."""
    opened = Machines(folder, url, platform, calendar, zone)
    try:
        opened.run("db", "upgrade")
        (folder / "groups.csv").write_text("\n".join([HEAD, *groups]), encoding="utf-8")
        opened.run("groups", "import", "groups.csv")
        yield opened
    finally:
        opened.end()


def until(condition: Callable[[], object], what: str) -> None:
    """Return when a condition holds; real processes work in their own time."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            message = f"{what}: not within {PATIENCE} s"
            raise TimeoutError(message)
        time.sleep(LOOK_SECONDS)
