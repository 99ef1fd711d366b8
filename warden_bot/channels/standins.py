"""What a channel may ask of the rest of the program, and what stands in its place while channels only measure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol


class RoomBoard(Protocol):
    """Where the sandbox keeps what is said; handed in, for a channel does not know our tables."""

    async def post(self, room: str, words: str, now: datetime) -> None:
        """Put one line of the bot into a room."""
        ...


class NoRooms:
    """Stands where the sandbox's rooms would be while texts and addresses are only looked at."""

    async def post(self, room: str, words: str, now: datetime) -> None:
        """Refuse: nothing is sent while looking."""
        message = f"{room}: these channels only measure ({len(words)} characters at {now})"
        raise RuntimeError(message)


def no_pages(key: str, until: datetime) -> str:
    """Stand where the maker of page addresses would be; nothing is handed over while looking."""
    message = f"these channels only measure (no page for {key} until {until})"
    raise RuntimeError(message)


def no_words(name: str, values: Mapping[str, str]) -> str:
    """Stand where the editors' phrases would be while looking."""
    message = f"these channels only measure (no phrase {name} with {len(values)} values)"
    raise RuntimeError(message)


async def always(_name: str) -> bool:
    """Let everybody have every lease: there is only one process."""
    return True
