"""WeCom group robot (企业微信消息推送, formerly 群机器人): one key a group, send only.

https://developer.work.weixin.qq.com/document/path/91770 and 99110. The key is the whole secret. The platform answers
HTTP 200 even when it refuses; only `errcode` 0 means that the group got the message. There is no message id, no
recall and no way to send twice safely.
"""

import base64
import hashlib
import json
import re
from datetime import timedelta
from typing import Any, ClassVar
from urllib.parse import quote

from warden_bot.channels.base import Capabilities, Channel, ChannelSetting, SendReceipt
from warden_bot.channels.company import API_BASE
from warden_bot.channels.errcodes import COMMON_ERRORS, Errors, read_errcode
from warden_bot.channels.meanings import BAD_REQUEST, ROUTE_BROKEN, TEXT_TOO_LONG
from warden_bot.domain.message import OutboundMessage
from warden_bot.domain.pacing import ThrottleRule
from warden_bot.domain.splitting import split_text
from warden_bot.errors import SendError
from warden_bot.states import ChannelKind

LONGEST_TEXT = 2048  # bytes of `text.content` in UTF-8
LARGEST_PICTURE = 2 * 1024 * 1024  # bytes of a PNG or JPEG, before base64
KEY = re.compile(r"[A-Za-z0-9_-]{1,128}")

ERRORS: Errors = {
    **COMMON_ERRORS,
    **dict.fromkeys((40008, 40035, 93017), BAD_REQUEST),
    40058: TEXT_TOO_LONG,
    93000: ROUTE_BROKEN,  # wrong key, or the robot was removed from the group
    93001: ROUTE_BROKEN,  # the group does not allow pushing
    93004: ROUTE_BROKEN,  # the robot is switched off
    93006: ROUTE_BROKEN,
    93008: ROUTE_BROKEN,  # the robot is not in the group
    93019: ROUTE_BROKEN,
}


class WecomRobot(Channel):
    """Sends plain text, and a picture after it, to WeCom group robots."""

    kind: ClassVar[ChannelKind] = ChannelKind.WECOM_ROBOT
    capabilities: ClassVar[Capabilities] = Capabilities(
        longest_part=LONGEST_TEXT,
        most_parts=4,
        # 20 a minute a robot: five at once, then one every four seconds, stays below it in any minute.
        pace=(ThrottleRule("recipient", burst=5, interval=timedelta(seconds=4)),),
        pictures=True,
        picture_apart=True,
    )
    settings: ClassVar[tuple[ChannelSetting, ...]] = (
        ChannelSetting("API_BASE", "where the platform stands", API_BASE),
        ChannelSetting("PER_SECOND", "at most so many requests a second over all groups; empty: no such cap"),
    )

    def address_fault(self, address: str) -> str | None:
        """Accept a bare key."""
        if "key=" in address or "://" in address:
            return "地址只填 key= 后面那一段，不要整个网址"
        return None if KEY.fullmatch(address) else "地址要是群机器人的 key，只有字母、数字和 - _"

    def parts(self, message: OutboundMessage) -> list[str]:
        """Cut the text at lines and graphemes into parts of at most 2048 bytes."""
        return split_text(message.plain, LONGEST_TEXT)

    async def send(self, message: OutboundMessage, part: str, number: int) -> SendReceipt:  # noqa: ARG002 -- the contract's signature
        """Post one text message."""
        return await self._post(message, {"msgtype": "text", "text": {"content": part}})

    async def send_picture(self, message: OutboundMessage, number: int) -> SendReceipt:
        """Post the picture as a message of its own; the platform wants its MD5 too."""
        content = message.picture.content if message.picture is not None else b""
        if not 0 < len(content) <= LARGEST_PICTURE:
            return await super().send_picture(message, number)
        digest = hashlib.md5(content, usedforsecurity=False).hexdigest()
        return await self._post(
            message, {"msgtype": "image", "image": {"base64": base64.b64encode(content).decode(), "md5": digest}}
        )

    async def _post(self, message: OutboundMessage, document: dict[str, Any]) -> SendReceipt:
        body = json.dumps(document, ensure_ascii=False).encode()
        url = f"{self.base}/cgi-bin/webhook/send?key={quote(message.recipient.address, safe='')}"
        read_answer(await self._around.http.post_json(url, body, missing=ROUTE_BROKEN))
        return SendReceipt()


def read_answer(answer: dict[str, Any]) -> None:
    """Return when the platform accepted; raise what its `errcode` means."""
    try:
        read_errcode(answer, ERRORS)
    except SendError as error:
        # One report shows the code of a broken route for texts that were too long.
        if error.code == "route_broken" and "length" in error.platform_words:
            raise error.restated(*TEXT_TOO_LONG) from None
        raise
