"""Frozen values that cross the channel boundary, in both directions."""

from dataclasses import dataclass, field

from warden_bot.states import ChannelKind, Priority, SenderRole


@dataclass(frozen=True, slots=True)
class Sender:
    """Whoever wrote to us, as the channel names them. `id` is the platform's."""

    id: str
    name: str
    role: SenderRole


@dataclass(frozen=True, slots=True)
class Media:
    """A picture, voice or file that came with a message; it still lies on the platform."""

    kind: str  # image, voice, video or file
    place: str = field(repr=False)  # the platform's id of it, or an address that was checked against the known hosts
    key: str = field(default="", repr=False)  # what opens it, where each has a key of its own


@dataclass(frozen=True, slots=True)
class InboundMessage:
    """One message that came in. `message_id` is the platform's and stays the same when it repeats the message.

    A group is known by our code, or by the platform's id of its chat, for which the code is then looked up.
    """

    channel: ChannelKind
    message_id: str
    group: str | None  # our code of the group; None for a private chat, or a chat that is bound to no group of ours
    sender: Sender
    text: str = field(repr=False)
    addressed: bool  # a private chat, an @-mention or a command; False for talk in a group
    reply_url: str = ""  # where a later message to a private sender goes, where the channel has such a thing
    chat: str = field(default="", repr=False)  # the platform's id of the group chat; "" for a private chat
    media: tuple[Media, ...] = ()
    reacts_to: str = ""  # the platform's id of the message under which a sign was put; "" for words of their own

    @property
    def private(self) -> bool:
        """Say whether only the sender reads along. Of a sign that names no chat, nobody knows."""
        return self.group is None and not self.chat and not self.reacts_to


@dataclass(frozen=True, slots=True)
class Recipient:
    """Where a delivery goes: a group, or one person's private address."""

    code: str  # the group's code, or the officer's name
    address: str  # the platform's address; often a secret in itself, so never logged
    secret: str = ""  # a signing secret of this one address, where the platform has one
    person: bool = False
    name: str = ""  # what people call the group

    def __repr__(self) -> str:
        """Leave out the address and the secret: both open a group to whoever reads them."""
        return f"Recipient(code={self.code!r}, person={self.person})"


@dataclass(frozen=True, slots=True)
class Attached:
    """A picture that goes with a message. What it says stands in the text too, for kinds that show none."""

    content: bytes = field(repr=False)
    media_type: str  # image/png or image/jpeg


@dataclass(frozen=True, slots=True)
class OutboundMessage:
    """One message owed to one recipient. `key` stays the same on every resend of the same delivery."""

    key: str
    recipient: Recipient
    text: str = field(repr=False)
    title: str = ""
    priority: Priority = Priority.BROADCAST
    about: str = ""  # the key of the delivery that this one reminds of
    picture: Attached | None = field(default=None, repr=False)

    def part_key(self, number: int) -> str:
        """Return the idempotency key of one part, counted from 0."""
        return f"{self.key}.{number}" if number else self.key

    @property
    def plain(self) -> str:
        """Title and text as one plain text, for platforms that have no titles."""
        return f"【{self.title}】\n{self.text}" if self.title else self.text

    @property
    def markdown(self) -> str:
        """Title and text as Markdown."""
        return f"**{self.title}**\n\n{self.text}" if self.title else self.text
