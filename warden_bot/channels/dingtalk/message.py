"""What DingTalk's app robots are told, over HTTP and on the stream alike.

https://open.dingtalk.com/document/orgapp/receive-message. In groups only what mentions the robot comes; the mention
is not in the text, but the blank behind it is.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from warden_bot.channels.inbound import MOST_MEDIA, Id, Strict, clean_name, clean_text
from warden_bot.channels.places import is_known_place
from warden_bot.domain.message import InboundMessage, Media, Sender
from warden_bot.errors import CallbackRejected
from warden_bot.states import ChannelKind, SenderRole

PERSON, STRANGER = "staff:", "stranger:"
STAFF_ID = re.compile(r"[\x21-\x7e]{1,64}")
GROUP_CHAT, PRIVATE_CHAT = "2", "1"
MEDIA = {"picture": "image", "audio": "voice", "video": "video", "file": "file"}

Place = Annotated[str, Field(max_length=4096)]


class _Camel(Strict):
    model_config: ClassVar[ConfigDict] = ConfigDict(alias_generator=to_camel)


class _Text(_Camel):
    content: str


class _Piece(_Camel):
    text: str = ""
    download_code: Place = ""


class _Content(_Camel):
    download_code: Place = ""
    recognition: str = ""  # what DingTalk understood of a voice message
    rich_text: list[_Piece] = Field(default_factory=list)


class _RobotMessage(_Camel):
    msg_id: Id
    msgtype: str
    conversation_type: str | int  # documented as a text, seen as a number
    conversation_id: Id
    sender_id: Id
    sender_staff_id: str | None = None
    sender_nick: str | None = None
    chatbot_user_id: str | None = None
    is_in_at_list: bool | None = None
    session_webhook: str | None = None
    text: _Text | None = None
    content: Any = None  # its shape is known for the types that we read


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads what one robot is told. `reply_hosts` are the places that a reply address may lie at."""

    reply_hosts: Sequence[str]

    def read(self, document: bytes) -> InboundMessage | None:
        """Return the message, None where it is the robot's own or of a type that says nothing to us.

        Raise CallbackRejected for what is malformed.
        """
        try:
            found = _RobotMessage.read(document)
            said = _said(found)
        except ValidationError:
            raise CallbackRejected("malformed", 400) from None
        if str(found.conversation_type) not in (GROUP_CHAT, PRIVATE_CHAT):
            raise CallbackRejected("malformed", 400)
        if said is None or found.sender_id == found.chatbot_user_id:
            return None
        in_group = str(found.conversation_type) == GROUP_CHAT
        # The reply address of a group is the group: nothing for one person may ever go there.
        reply_url = "" if in_group else self._known(found.session_webhook)
        return InboundMessage(
            ChannelKind.DINGTALK,
            found.msg_id,
            None,
            Sender(_address(found, reply_url), clean_name(found.sender_nick or ""), SenderRole.PARENT),
            clean_text(said[0]),
            addressed=not in_group or found.is_in_at_list is True,
            reply_url=reply_url,
            chat=found.conversation_id if in_group else "",
            media=said[1],
        )

    def _known(self, address: str | None) -> str:
        return address if address and is_known_place(address, self.reply_hosts) else ""


def _address(found: _RobotMessage, reply_url: str) -> str:
    """Return where this sender is written to: outsiders have no staff id, but their own chat has a reply address.

    An outsider in a group has neither, and is only named.
    """
    if found.sender_staff_id and STAFF_ID.fullmatch(found.sender_staff_id):
        return PERSON + found.sender_staff_id
    return reply_url or STRANGER + found.sender_id


def _said(found: _RobotMessage) -> tuple[str, tuple[Media, ...]] | None:
    """Return the words and what lies on the platform; None for types that hold neither."""
    if found.msgtype == "text":
        return (found.text.content if found.text else "", ())
    if found.msgtype != "richText" and found.msgtype not in MEDIA:
        return None
    content = _Content.model_validate(found.content or {})
    if found.msgtype == "richText":
        pictures = [Media("image", piece.download_code) for piece in content.rich_text if piece.download_code]
        return "".join(piece.text for piece in content.rich_text), tuple(pictures[:MOST_MEDIA])
    media = (Media(MEDIA[found.msgtype], content.download_code),) if content.download_code else ()
    return content.recognition, media
