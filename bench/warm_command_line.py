"""`warden-bot` for one command after the other: each line in is a JSON list of arguments, each line out how it ended.

Starting a process takes a whole core for about a second, which on a small machine would be measured along with what
is to be measured. The commands are the program's own; only the start is saved.
"""

import io
import json
import sys
import traceback
from contextlib import redirect_stderr, redirect_stdout

from warden_bot.__main__ import main


def run(arguments: list[str]) -> dict[str, object]:
    """Run one command and return its exit code and what it printed."""
    sys.argv = ["warden-bot", *arguments]
    out, err = io.StringIO(), io.StringIO()
    code: object = 0
    with redirect_stdout(out), redirect_stderr(err):
        try:
            main()
        except SystemExit as ended:
            code = ended.code
        except Exception:  # noqa: BLE001 -- whatever it is, the bench shows it
            code = traceback.format_exc()
    return {"code": code, "out": out.getvalue(), "err": err.getvalue()}


if __name__ == "__main__":
    for line in sys.stdin:
        sys.stdout.write(json.dumps(run(json.loads(line))) + "\n")
        sys.stdout.flush()
