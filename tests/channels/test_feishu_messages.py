"""What Feishu's messages become: every type, who is mentioned, and which words are left."""

import json
from typing import Any

import pytest

from tests.channel_cases import idle
from tests.factories import NOW
from tests.platforms.feishu import APP_ID, BOT, CHAT, ENCRYPT_KEY, PERSON, event, mention, sealed, signed
from warden_bot.channels.base import CallbackRequest
from warden_bot.channels.feishu.channel import Feishu
from warden_bot.channels.inbound import LONGEST_INBOUND
from warden_bot.domain.message import InboundMessage, Media, Sender
from warden_bot.states import ChannelKind, SenderRole

OTHER = mention(2, "ou_other", "王 老师")


def hear(message: dict[str, Any], bot: str = BOT) -> InboundMessage:
    values = {"encrypt_key": ENCRYPT_KEY, "app_id": APP_ID, "bot_open_id": bot}
    body = sealed(event(message))
    feishu = idle(Feishu, **values)
    (found,) = feishu.parse_callback(CallbackRequest(signed(body, NOW), {}, body, NOW)).messages
    return found


def said(text: str, *mentions: dict[str, Any], bot: str = BOT) -> InboundMessage:
    return hear({"content": json.dumps({"text": text}), "mentions": list(mentions)}, bot)


def message(
    text: str = "", *, addressed: bool = True, chat: str = CHAT, media: tuple[Media, ...] = ()
) -> InboundMessage:
    sender = Sender(PERSON, "", SenderRole.PARENT)
    return InboundMessage(ChannelKind.FEISHU, "om_1", None, sender, text, addressed, chat=chat, media=media)


def post_of(*lines: list[dict[str, Any]], title: str = "") -> dict[str, Any]:
    return {"message_type": "post", "content": json.dumps({"title": title, "content": lines})}


LINK = {"tag": "a", "text": "领奖", "href": "https://bad.example"}
AT_BOT, AT_ALL = {"tag": "at", "user_id": "@_user_1", "user_name": "安全助手"}, {"tag": "at", "user_id": "all"}
STRANGE = [{"tag": "emotion", "emoji_type": "SMILE"}, {"tag": "at", "user_id": "ou_9", "user_name": "丁"}]
POST = post_of([AT_BOT, {"tag": "text", "text": " 这是真的吗"}], [LINK], [AT_ALL, *STRANGE], title="求助")
PICTURES = post_of([{"tag": "img", "image_key": "img_1"}], [{"tag": "media", "file_key": "f_1", "image_key": "img_2"}])
MENTIONED = {"mentions": [mention(1, BOT, "安全助手")]}
TYPES = {
    "post": (POST | MENTIONED, message("求助\n这是真的吗\n领奖 https://bad.example \n@所有人@丁")),
    "pictures in a post": (
        PICTURES,
        message(addressed=False, media=(Media("image", "om_1/img_1"), Media("video", "om_1/f_1"))),
    ),
    "image": (
        {"message_type": "image", "content": '{"image_key": "img_1"}'},
        message(addressed=False, media=(Media("image", "om_1/img_1"),)),
    ),
    "file": (
        {"message_type": "file", "content": '{"file_key": "f_1", "file_name": "a.apk"}'},
        message(addressed=False, media=(Media("file", "om_1/f_1"),)),
    ),
    "audio": (
        {"message_type": "audio", "content": '{"file_key": "f_1", "duration": 2000}'},
        message(addressed=False, media=(Media("voice", "om_1/f_1"),)),
    ),
    "video": (
        {"message_type": "media", "content": '{"file_key": "f_1", "image_key": "img_1"}'},
        message(addressed=False, media=(Media("video", "om_1/f_1"),)),
    ),
    "image in private": (
        {"message_type": "image", "content": '{"image_key": "img_1"}', "chat_type": "p2p"},
        message(chat="", media=(Media("image", "om_1/img_1"),)),
    ),
    "text in private": ({"content": '{"text": "反诈"}', "chat_type": "p2p"}, message("反诈", chat="")),
    "talk in the group": ({"content": '{"text": "反诈"}', "mentions": None}, message("反诈", addressed=False)),
    "sticker": ({"message_type": "sticker", "content": '{"file_key": "s"}'}, message(addressed=False)),
    "forwarded chat": ({"message_type": "merge_forward", "content": "Merged"}, message(addressed=False)),
    "empty image": ({"message_type": "image", "content": '{"image_key": null}'}, message(addressed=False)),
}


@pytest.mark.parametrize(("theirs", "ours"), TYPES.values(), ids=TYPES.keys())
def test_message_of_each_type(theirs: dict[str, Any], ours: InboundMessage) -> None:
    assert hear(theirs) == ours
    assert ours.private is (ours.chat == "")


SAYINGS = [
    ("@_user_1 反诈", [mention(1, BOT, "安全助手")], BOT, "反诈", True),
    ("请问 @_user_1 热线", [mention(1, BOT, "安全助手")], BOT, "请问 热线", True),
    ("@_user_2 看 @_user_1", [mention(1, BOT, "安全助手"), OTHER], BOT, "@王 老师 看", True),
    ("@_user_2 看这个", [OTHER], BOT, "@王 老师 看这个", False),
    ("@_all 开会", [], BOT, "@所有人 开会", False),
    ("@_user_7 自己打的", [], BOT, "@_user_7 自己打的", False),
    ("@_user_1 @_user_2 反诈 @_user_2", [mention(1, BOT, "安全助手"), OTHER], "", "反诈 @王 老师", True),
    ("看 @_user_2", [OTHER], "", "看 @王 老师", True),
    ("@_all 开会", [{"key": "@_all", "id": {}, "name": "所有人"}], "", "@所有人 开会", False),
    ("@_user_10 与 @_user_1", [mention(1, "ou_a", "甲"), mention(10, "ou_b", "乙")], BOT, "@乙 与 @甲", False),
    ("@_user_1", [{"key": "@_user_1", "id": None, "name": None}], BOT, "@", False),
    ("一\r\n二\t三\x00\x1b[0m四\x85", [], BOT, "一\n二\t三[0m四", False),
    ("字" * 30_000, [], BOT, "字" * LONGEST_INBOUND, False),
]


@pytest.mark.parametrize(("text", "mentions", "bot", "heard", "addressed"), SAYINGS)
def test_mentions_and_controls(
    text: str, mentions: list[dict[str, Any]], bot: str, heard: str, addressed: bool
) -> None:
    found = said(text, *mentions, bot=bot)

    assert (found.text, found.addressed) == (heard, addressed)


def test_name_cannot_swell_a_text() -> None:
    found = said("@_user_2" * 500, mention(2, "ou_2", "名" * 5000))

    assert len(found.text) <= LONGEST_INBOUND
