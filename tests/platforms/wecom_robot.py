"""The stage of the WeCom group robot."""

from typing import ClassVar

from tests.conformance import BETWEEN, Fault, Faults, Stage
from tests.fake_wecom import FakeWecom, refused
from warden_bot.channels.wecom_robot import WecomRobot
from warden_bot.states import ChannelKind

FAULTS: Faults = {
    **BETWEEN,
    Fault.THROTTLED: lambda: refused(45009, "api freq out of limit"),
    Fault.GONE: lambda: refused(93000, "invalid webhook url"),
}


class RobotStage(Stage):
    kind = ChannelKind.WECOM_ROBOT
    channel_class = WecomRobot
    address = "key-1"
    address_is_url = True
    lacks: ClassVar = {Fault.BAD_CREDENTIALS: "the key is the address: a wrong one is a robot that is gone"}

    async def start(self) -> None:
        self.fake = await FakeWecom({"key-1"}).start()

    async def stop(self) -> None:
        await self.fake.stop()

    def values(self) -> dict[str, str]:
        return {"api_base": self.fake.base}

    def heard(self) -> list[str]:
        return self.fake.heard["key-1"]

    def prescribe(self, fault: Fault) -> None:
        self.fake.answers["key-1"].append(FAULTS[fault]())


STAGE = RobotStage
