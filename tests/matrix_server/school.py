"""A school on a real homeserver: the installed program, its database and settings, and members in the rooms."""

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self
from urllib.error import HTTPError

from tests.command_line import PROGRAM, free_port
from tests.matrix_server.homeserver import AS_TOKEN, BOT, HS_TOKEN, NAME, ROOT, SERVICE, Homeserver, Said, fetch, quoted
from tests.plain_database import PlainDatabase

HEAD = "code,name,kind,grade,channel,address,secret,teacher,teacher_address,officer"
PATIENCE, LOOK_SECONDS = 60, 0.05
ALL = 369


class School:
    """One homeserver and one program beside it. Calls return when what they do is done."""

    def __init__(self, folder: Path, groups: int = ALL) -> None:
        self.site = f"http://127.0.0.1:{free_port()}"
        self.homeserver = Homeserver(folder / "homeserver", f"{self.site}/callbacks/matrix")
        self.database = PlainDatabase(f"sqlite:///{folder}/warden.db")
        self.rooms: list[str] = []
        self._folder, self._groups = folder, groups
        self._server: subprocess.Popen[bytes] | None = None
        self._said_by_server = folder / "serve.out"

    def __enter__(self) -> Self:
        self.homeserver.start()
        self.rooms = sorted(self.homeserver.ask("GET", "/joined_rooms")["joined_rooms"])[: self._groups]
        shutil.copytree(ROOT / "content", self._folder / "content")
        # The real calendar would push by the real clock in the middle of a story.
        (self._folder / "content" / "calendar.yml").write_text("calendar: []\n", encoding="utf-8")
        rows = [f"c{number},{number}班,class,高三,matrix,{room},,,," for number, room in enumerate(self.rooms)]
        (self._folder / "groups.csv").write_text("\n".join([HEAD, *rows]), encoding="utf-8")
        self.run("db", "upgrade")
        self.run("groups", "import", "groups.csv")
        return self

    def __exit__(self, *about: object) -> None:
        self.stop_serving(signal.SIGKILL)
        self.homeserver.stop()

    @property
    def _environment(self) -> dict[str, str]:
        settings = {
            "DATABASE_URL": self.database.url,
            "SECRET_KEYS": "ab" * 32,
            "CONTENT_DIR": str(self._folder / "content"),
            "SPOOL_DIR": str(self._folder / "spool"),
            "PORT": self.site.rpartition(":")[2],
            "MATRIX_API_BASE": self.homeserver.base,
            "MATRIX_AS_TOKEN": AS_TOKEN,
            "MATRIX_HS_TOKEN": HS_TOKEN,
            "MATRIX_BOT_USER": BOT,
            "MATRIX_BOT_NAME": "小卫士",
        }
        kept = {name: value for name, value in os.environ.items() if not name.startswith("WARDEN_")}
        return kept | {f"WARDEN_{name}": value for name, value in settings.items()}

    def run(self, *arguments: str) -> str:
        """Run a command to its good end and return what it printed."""
        command: list[Path | str] = [PROGRAM, *arguments]
        ended = subprocess.run(
            command, cwd=self._folder, env=self._environment, capture_output=True, text=True, check=False
        )
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start a command that takes its time."""
        with self._said_by_server.open("ab") as output:
            command: list[Path | str] = [PROGRAM, *arguments]
            return subprocess.Popen(command, cwd=self._folder, env=self._environment, stdout=output, stderr=output)

    def serve(self) -> None:
        """Start the server and wait until its site answers."""
        self._server = self.start("serve")
        self.wait_until(self._answers, "the site to answer")

    def _answers(self) -> bool:
        assert self._server is not None
        assert self._server.poll() is None, self._said_by_server.read_text(encoding="utf-8")[-3000:]
        try:
            fetch(f"{self.site}/healthz")
        except OSError:
            return False
        return True

    def ping(self) -> Any:
        """Have the homeserver call the program; return how long that took."""
        return self.homeserver.ask("POST", f"/appservice/{SERVICE}/ping", {"transaction_id": "t"}, api="v1")

    def hand_over(self) -> None:
        """Have the homeserver hand over at once what waits for the program.

        Else it looks again less and less often, in the end every eight minutes.
        """
        try:
            self.ping()
        except HTTPError as error:
            # By chance it was about to look, or is looking: it reached the program, and stumbles over its own timer.
            if b"Already" not in error.read():
                raise

    def stop_serving(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End the server."""
        if self._server is not None:
            self._server.send_signal(how)
            self._server.wait(PATIENCE)
            self._server = None

    def wait_until(self, come: Callable[[], bool], what: str) -> None:
        """Wait for real programs, which do things in their own time."""
        deadline = time.monotonic() + PATIENCE
        while not come():
            if time.monotonic() > deadline:
                said = self._said_by_server.read_text(encoding="utf-8")[-2000:]
                message = f"waited in vain for {what}\n{said}\n{self.homeserver.log()[-2000:]}"
                raise AssertionError(message)
            time.sleep(LOOK_SECONDS)

    def heard(self, text: str, count: int) -> None:
        """Wait until so many rooms hold a text."""
        self.wait_until(lambda: len(self.homeserver.said(text)) >= count, f"{count} rooms to hear {text}")

    def broadcast(self, broadcast: int) -> Any:
        """Return what the program says about a broadcast."""
        return json.loads(self.run("broadcast", "show", str(broadcast), "--json"))

    def metrics(self) -> str:
        """Return the program's numbers."""
        return fetch(f"{self.site}/metrics").decode()

    @contextmanager
    def busy_database(self) -> Iterator[None]:
        """Keep the program from writing anything."""
        with self.database._connection() as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield
            connection.execute("ROLLBACK")

    def member(self, name: str) -> "Member":
        """Make a member of the homeserver."""
        username = f"warden_{name}"
        body = {"type": "m.login.application_service", "username": username, "inhibit_login": True}
        self.homeserver.ask("POST", "/register", body)
        return Member(self, f"@{username}:{NAME}")


class Member:
    """Somebody at the school, who speaks through the same homeserver."""

    def __init__(self, school: School, user: str) -> None:
        self.user = user
        self._school = school
        self._said = 0

    def ask(self, method: str, path: str, document: object = None) -> Any:
        """Call the homeserver as this member."""
        return self._school.homeserver.ask(method, path, document, user=self.user)

    def open_room(self, **settings: Any) -> str:
        """Make a room of one's own, in which the bot is asked."""
        found: str = self.ask("POST", "/createRoom", {"preset": "private_chat", "invite": [BOT]} | settings)["room_id"]
        return found

    def join(self, room: str) -> None:
        """Join a room of the bot's, which invites."""
        self._school.homeserver.ask("POST", f"/rooms/{quoted(room)}/invite", {"user_id": self.user})
        self.ask("POST", f"/join/{quoted(room)}", {})

    def say(self, room: str, text: str, *, to_bot: bool = False) -> None:
        """Say something, mentioning the bot or not, as clients do."""
        self._said += 1
        mentions = {"user_ids": [BOT]} if to_bot else {}
        content = {"msgtype": "m.text", "body": f"warden: {text}" if to_bot else text, "m.mentions": mentions}
        # The homeserver knows keys by the service, so members need keys of their own.
        key = f"{self.user.partition(':')[0][1:]}.{self._said}"
        self.ask("PUT", f"/rooms/{quoted(room)}/send/m.room.message/{key}", content)

    def answers_in(self, room: str) -> list[Said]:
        """Return what the bot has said in a room."""
        return [one for one in self._school.homeserver.said() if one.room == room and one.sender == BOT]

    def wait_for_answers(self, room: str, count: int) -> list[str]:
        """Wait until the bot has said so much in a room; return it."""
        self._school.wait_until(lambda: len(self.answers_in(room)) >= count, f"{count} answers")
        return [one.text for one in self.answers_in(room)]
