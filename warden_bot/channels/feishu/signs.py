"""What Feishu tells of a sign that somebody puts under a message.

https://open.feishu.cn/document/server-docs/im-v1/message-reaction/event/created

In which chat, it does not tell: the message under which the sign was put says so, if it is one of ours. That a sign was
taken away is told in an event that we do not want, for what was heard stays heard.
"""

from warden_bot.channels.feishu.message import OPEN_ID, Id, Ids, Text
from warden_bot.channels.inbound import Strict
from warden_bot.domain.acknowledgement import RECEIVED
from warden_bot.domain.message import InboundMessage, Sender
from warden_bot.states import ChannelKind, SenderRole

# Feishu has signs of its own only, and names them so: 👌, 👍, two marks of what is done, and a written "Get".
# https://open.feishu.cn/document/server-docs/im-v1/message-reaction/emojis-introduce
SAYS_RECEIVED = {"OK", "THUMBSUP", "DONE", "CheckMark", "Get"}


class _SignHeader(Strict):
    event_id: Id


class _SignType(Strict):
    emoji_type: Text = ""


class _Sign(Strict):
    message_id: Id
    reaction_type: _SignType
    operator_type: Text = ""
    user_id: Ids | None = None  # of a user; an app has an app_id instead


class _SignEvent(Strict):
    header: _SignHeader
    event: _Sign


def sign_of(plain: bytes) -> InboundMessage | None:
    """Read a sign as the word that it stands for, None where it stands for another. Raise CallbackRejected for no sign."""
    found = _SignEvent.read(plain)
    sign = found.event
    person = sign.user_id.open_id if sign.user_id else ""
    if (
        sign.operator_type != "user"
        or sign.reaction_type.emoji_type not in SAYS_RECEIVED
        or not OPEN_ID.fullmatch(person)
    ):
        return None
    sender = Sender(person, "", SenderRole.PARENT)
    return InboundMessage(
        ChannelKind.FEISHU, found.header.event_id, None, sender, RECEIVED, addressed=False, reacts_to=sign.message_id
    )
