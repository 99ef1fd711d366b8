"""The stage of the sandbox: its platform is this program, so the rooms are a list."""

from datetime import datetime
from typing import ClassVar

from tests.conformance import Fault, Stage
from warden_bot.channels.base import Channel, Surroundings
from warden_bot.channels.sandbox import Sandbox
from warden_bot.states import ChannelKind

NO_SERVER = "there is no server between the program and its own rooms"


class SandboxStage(Stage):
    kind = ChannelKind.SANDBOX
    channel_class = Sandbox
    address = "c001"
    lacks: ClassVar = dict.fromkeys([*Fault, "unreachable", "too_long"], NO_SERVER)

    def __init__(self) -> None:
        self._said: list[str] = []

    async def start(self) -> None:
        pass

    async def stop(self) -> None:
        pass

    def values(self) -> dict[str, str]:
        return {}

    def heard(self) -> list[str]:
        return self._said

    async def post(self, _room: str, words: str, _now: datetime) -> None:
        self._said.append(words)

    def build(self, around: Surroundings) -> Channel:
        return Sandbox({}, Surroundings(around.http, around.clock, rooms=self))


STAGE = SandboxStage
