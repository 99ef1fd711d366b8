"""`python -m bench [NAME...] [--quick] [--full]`: measure the program from outside against bare aiohttp.

A new figure is a module with `measure(place)` and one line in FIGURES.
"""

import argparse
import asyncio
import signal
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from bench import fan_out, inbound, inbound_while_broadcasting, kills, outbox, scale, start_up, tips, two_workers
from bench.figures import Figure
from bench.place import Place
from bench.report import machine, table, write_json

FIGURES: dict[str, Callable[[Place], Awaitable[list[Figure]]]] = {
    "fan_out": fan_out.measure,
    "inbound": inbound.measure,
    "inbound_while_broadcasting": inbound_while_broadcasting.measure,
    "pacing": outbox.measure_pacing,
    "claims": outbox.measure_claims,
    "start_up": start_up.measure,
    "scale": scale.measure,
    "two_workers": two_workers.measure,
    "tips": tips.measure,
    "kills": kills.measure,
}
STOPPED = 130
RESULTS = Path(__file__).with_name("results.json")


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure the program against bare aiohttp.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(FIGURES)}; all when none is named")
    parser.add_argument("--quick", action="store_true", help="fewer repeats and smaller rounds")
    parser.add_argument("--full", action="store_true", help="scale goes on to 369,000 deliveries")
    asked = parser.parse_args()
    if unknown := set(asked.names) - set(FIGURES):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there is {', '.join(FIGURES)}")
    return asked


async def measure(names: Sequence[str], *, quick: bool, full: bool) -> tuple[list[Figure], dict[str, str]]:
    """Measure the named figures; what cannot be measured is told and does not stop the others."""
    stop_on_sigterm()
    figures: list[Figure] = []
    failures: dict[str, str] = {}
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="warden-bench-")))
        place = Place(folder, stack, quick=quick, full=full)
        for name in names:
            began = time.perf_counter()
            try:
                figures += await FIGURES[name](place)
            except Exception as error:  # noqa: BLE001 -- the other figures are still worth measuring
                failures[name] = "\n".join(reasons(error))
            tell(f"{name}: {failures.get(name, 'measured')} ({time.perf_counter() - began:.0f} s)")
    return figures, failures


def stop_on_sigterm() -> None:
    """Let SIGTERM end the run as Ctrl+C does: every process that was started is stopped."""
    task = asyncio.current_task()
    if task:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)


def reasons(error: BaseException) -> list[str]:
    """Return what went wrong; of several things at once, each."""
    if isinstance(error, BaseExceptionGroup):
        return [reason for one in error.exceptions for reason in reasons(one)]
    return [f"{type(error).__name__}: {error}"]


def tell(words: str) -> None:
    """Say how far the run is."""
    sys.stderr.write(words + "\n")


def main() -> int:
    """Measure, print, write. Return 1 when something could not be measured, 130 when the run was stopped."""
    asked = arguments()
    head = machine() | {"quick": asked.quick}
    names = asked.names or list(FIGURES)
    try:
        figures, failures = asyncio.run(measure(names, quick=asked.quick, full=asked.full))
    except (KeyboardInterrupt, asyncio.CancelledError):
        tell("stopped; nothing was written")
        return STOPPED
    sys.stdout.write(table(figures) + "\n")
    sys.stdout.writelines(f"not measured: {name}\n" for name in failures)
    write_json(RESULTS, head, figures, failures)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
