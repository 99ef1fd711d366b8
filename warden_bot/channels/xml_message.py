"""The flat XML in which two kinds hear a person in a private chat, and the answer that goes back in the same breath.

https://developer.work.weixin.qq.com/document/path/90239 (messages), 90240 (events), 90241 (answers), and for the public
platform https://developers.weixin.qq.com/doc/offiaccount/Message_Management/Receiving_standard_messages.html. Which
messages there are and whose they are, each kind says itself.
"""

import os
import re
import secrets
from collections.abc import Mapping, Sequence

from warden_bot.channels.base import CallbackAnswer
from warden_bot.channels.envelope import Envelope
from warden_bot.channels.flat_xml import write_flat_xml
from warden_bot.channels.inbound import LONGEST_ID
from warden_bot.channels.passive import fit
from warden_bot.errors import CallbackRejected

Fields = dict[str, str | int]

MESSAGE_ID = re.compile(r"[0-9]{1,20}")
INSTANT = re.compile(r"[0-9]{1,11}")
MEDIA_ID = re.compile(r"[!-~]{1,512}")
LINK = ("Title", "Description", "Url")  # a link's address can be what the police need to know
LONGEST_REPLY = 2048  # bytes; what is longer is cut where the platform pleases. Of one kind from general knowledge


def required(fields: Mapping[str, str], name: str, pattern: re.Pattern[str]) -> str:
    """Return a field. Raise CallbackRejected where it is missing or is not what it should be."""
    found = fields.get(name, "")
    if not pattern.fullmatch(found):
        raise CallbackRejected("malformed", 400)
    return found


def message_id(sender: str, fields: Mapping[str, str]) -> str:
    """Return what stays the same when the platform repeats itself; events have no MsgId."""
    if fields.get("MsgType") != "event":
        return required(fields, "MsgId", MESSAGE_ID)
    instant = required(fields, "CreateTime", INSTANT)
    named = f"{sender}:{instant}:{fields.get('Event', '')}:{fields.get('EventKey', '')}"
    return "".join(filter(str.isprintable, named))[:LONGEST_ID]


def words_of(fields: Mapping[str, str], names: Sequence[str]) -> str:
    """Return a message in words: those of its fields that hold some, or a place in one line."""
    if fields.get("MsgType") == "location":
        label, north, east = (fields.get(name, "") for name in ("Label", "Location_X", "Location_Y"))
        return f"位置：{label}（{north}，{east}）"
    return "\n".join(words for name in names if (words := fields.get(name, "")))


def passive_answer(receiver: str, sender: str, text: str, stamp: int, envelope: Envelope | None) -> CallbackAnswer:
    """Return a text as the answer to a callback, sealed where there is an envelope."""
    said: Fields = {
        "ToUserName": receiver,
        "FromUserName": sender,
        "CreateTime": stamp,
        "MsgType": "text",
        "Content": fit(text, LONGEST_REPLY),
    }
    return CallbackAnswer(write_flat_xml(_sealed(said, stamp, envelope) if envelope else said), "application/xml")


def _sealed(said: Fields, stamp: int, envelope: Envelope) -> Fields:
    nonce = secrets.token_hex(8)
    encrypted, signature = envelope.close(write_flat_xml(said), str(stamp), nonce, os.urandom(16))
    return {"Encrypt": encrypted, "MsgSignature": signature, "TimeStamp": stamp, "Nonce": nonce}
