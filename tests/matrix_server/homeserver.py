"""A real Matrix homeserver on the loopback: Synapse in an environment of its own, started from a folder with 369 rooms.

Synapse is a separate server with a licence of its own (AGPL): it is never imported, only started and spoken to.
The snapshot holds @warden:warden.test, the bot, alone in 369 rooms, and the key that the server signs with.
"""

import json
import signal
import sqlite3
import subprocess
import tarfile
import time
import urllib.parse
import urllib.request
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.command_line import free_port

ROOT = Path(__file__).parent.parent.parent
SYNAPSE = ROOT / ".venv-matrix" / "bin" / "python"
SNAPSHOT = Path(__file__).with_name("rooms369.tar.xz")
NAME, SERVICE = "warden.test", "warden"
BOT, AS_TOKEN, HS_TOKEN = f"@warden:{NAME}", "as-token-of-the-tests", "hs-token-of-the-tests"
START_SECONDS, STOP_SECONDS, ANSWER_SECONDS, LOOK_SECONDS = 30, 20, 30, 0.05
FREELY = {"per_second": 100_000, "burst_count": 100_000}
SAID = """SELECT events.room_id, event_json.json FROM events JOIN event_json USING (event_id)
    WHERE events.type = 'm.room.message' ORDER BY events.stream_ordering"""


@dataclass(frozen=True)
class Said:
    """One message that stands in a room."""

    room: str
    sender: str
    text: str


class Homeserver:
    """Synapse with one application service, which it calls at `service_url`."""

    def __init__(self, folder: Path, service_url: str) -> None:
        self.base = f"http://127.0.0.1:{free_port()}"
        self._folder = folder
        folder.mkdir()
        with tarfile.open(SNAPSHOT) as snapshot:
            snapshot.extractall(folder, filter="data")
        self._forget_untold()
        self._write("homeserver.yaml", settings(folder, self.base))
        self._write("service.yaml", registration(service_url))
        self._write("log.yaml", logging_to(folder / "synapse.log"))
        self._process: subprocess.Popen[bytes] | None = None

    def _forget_untold(self) -> None:
        """Forget what nobody listened to when the snapshot was made: 1480 transactions that would come first."""
        with closing(sqlite3.connect(self._folder / "homeserver.db", isolation_level=None)) as connection:
            for table in ("application_services_txns", "application_services_state"):
                connection.execute(f"DELETE FROM {table}")

    def _write(self, name: str, document: object) -> None:
        """Write a settings file; what is JSON is YAML too."""
        (self._folder / name).write_text(json.dumps(document, indent=1), encoding="utf-8")

    def start(self) -> None:
        """Start it and wait until it answers."""
        command: list[Path | str] = [SYNAPSE, "-m", "synapse.app.homeserver", "-c", self._folder / "homeserver.yaml"]
        with (self._folder / "output").open("ab") as output:
            self._process = subprocess.Popen(command, cwd=self._folder, stdout=output, stderr=output)
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                fetch(f"{self.base}/_matrix/client/versions")
            except OSError:
                time.sleep(LOOK_SECONDS)  # a real server starts in its own time
            else:
                return
        raise AssertionError((self._folder / "output").read_text(encoding="utf-8")[-3000:])

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End it, politely or with SIGKILL."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(how)
            self._process.wait(STOP_SECONDS)

    def ask(self, method: str, path: str, document: object = None, *, user: str = BOT, api: str = "v3") -> Any:
        """Call the client-server API as the bot, or as a member whom the application service made."""
        url = f"{self.base}/_matrix/client/{api}{path}?{urllib.parse.urlencode({'user_id': user})}"
        return json.loads(fetch(url, method, document, AS_TOKEN))

    def said(self, text: str = "") -> list[Said]:
        """Read from the server's own tables all that was ever said, or all that begins with a text; in order."""
        with closing(sqlite3.connect(f"file:{self._folder / 'homeserver.db'}?mode=ro", uri=True)) as connection:
            rows = [(room, json.loads(event)) for room, event in connection.execute(SAID)]
        found = [Said(room, event["sender"], event["content"].get("body", "")) for room, event in rows]
        return [one for one in found if one.text.startswith(text)]

    def log(self) -> str:
        """Return what it wrote into its log."""
        return (self._folder / "synapse.log").read_text(encoding="utf-8")


def fetch(url: str, method: str = "GET", document: object = None, token: str = "") -> bytes:
    """Make a request on the loopback and return the body of a good answer. Raise OSError."""
    body = None if document is None else json.dumps(document).encode()
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    request = urllib.request.Request(url, body, headers, method=method)  # noqa: S310 -- our own servers
    with urllib.request.urlopen(request, timeout=ANSWER_SECONDS) as answer:  # noqa: S310 -- the same
        found: bytes = answer.read()
    return found


def quoted(name: str) -> str:
    """Return an id as a part of a path."""
    return urllib.parse.quote(name, safe="")


def settings(folder: Path, base: str) -> dict[str, Any]:
    """Return the homeserver's settings: one listener on the loopback, SQLite, nobody outside."""
    listener = {
        "port": urllib.parse.urlsplit(base).port,
        "type": "http",
        "tls": False,
        "bind_addresses": ["127.0.0.1"],
        "resources": [{"names": ["client"], "compress": False}],
    }
    return {
        "server_name": NAME,
        "public_baseurl": f"{base}/",
        "listeners": [listener],
        "database": {"name": "sqlite3", "args": {"database": str(folder / "homeserver.db")}},
        "signing_key_path": str(folder / "signing.key"),
        "media_store_path": str(folder / "media"),
        "pid_file": str(folder / "synapse.pid"),
        "log_config": str(folder / "log.yaml"),
        "app_service_config_files": [str(folder / "service.yaml")],
        "registration_shared_secret": "a secret of the tests",
        "enable_registration": False,
        "report_stats": False,
        # Alone: no federation, and nothing is asked of anybody outside.
        "federation_domain_whitelist": [],
        "trusted_key_servers": [],
        "suppress_key_server_warning": True,
        "url_preview_enabled": False,
        # What no test needs only costs time.
        "presence": {"enabled": False},
        "user_directory": {"enabled": False},
        "stats": {"enabled": False},
        "enable_room_list_search": False,
        # No limits on members; the service itself has none, as `rate_limited: false` says.
        "rc_message": FREELY,
        "rc_registration": FREELY,
        "rc_room_creation": FREELY,
        "rc_joins": {"local": FREELY, "remote": FREELY},
        "rc_joins_per_room": FREELY,
        "rc_invites": {"per_room": FREELY, "per_user": FREELY, "per_issuer": FREELY},
    }


def registration(service_url: str) -> dict[str, Any]:
    """Return the registration of the application service, as docs/channels/matrix.md has it."""
    # The tests' members are the service's own too, for those it may make without a password.
    users = [{"exclusive": True, "regex": r"@warden(_.*)?:warden\.test"}]
    return {
        "id": SERVICE,
        "url": service_url,
        "as_token": AS_TOKEN,
        "hs_token": HS_TOKEN,
        "sender_localpart": "warden",
        "rate_limited": False,
        "namespaces": {"users": users, "aliases": [], "rooms": []},
    }


def logging_to(path: Path) -> dict[str, Any]:
    """Return the settings of its log: warnings only."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
        "handlers": {"file": {"class": "logging.FileHandler", "filename": str(path), "formatter": "line"}},
        "root": {"level": "WARNING", "handlers": ["file"]},
    }
