"""Every kind of message that comes in to a WeChat Official Account; how it is vouched for: test_wechat_official_callback."""

import pytest

from tests.channel_cases import idle, refusal_of
from tests.conformance import VALID_TEXT
from tests.factories import NOW
from tests.platforms.wechat_official import (
    AES_KEY,
    APP_ID,
    FOLLOWER,
    TOKEN,
    event,
    posted,
    posted_sealed,
    said,
)
from warden_bot.channels.inbound import LONGEST_INBOUND
from warden_bot.channels.wechat_official.channel import WechatOfficial
from warden_bot.domain.message import InboundMessage, Media, Sender
from warden_bot.states import ChannelKind, SenderRole


def make_account(**values: str) -> WechatOfficial:
    return idle(WechatOfficial, app_id=APP_ID, token=TOKEN, **values)


@pytest.fixture
def safe() -> WechatOfficial:
    return make_account(aes_key=AES_KEY)


@pytest.fixture
def plain() -> WechatOfficial:
    return make_account()


def heard(text: str, message_id: str = "24567890123456789", *media: Media) -> InboundMessage:
    sender = Sender(FOLLOWER, "", SenderRole.PARENT)
    kind = ChannelKind.WECHAT_OFFICIAL
    return InboundMessage(kind, message_id, None, sender, text, addressed=True, media=media)


def event_id(name: str, key: str = "") -> str:
    return f"{FOLLOWER}:1767225600:{name}:{key}"


MESSAGES: list[tuple[str, bytes, InboundMessage | None]] = [
    ("text", said(), heard(VALID_TEXT)),
    ("text with blanks", said(Content=" 在吗\t\n我\x7f想问 \u0085"), heard("在吗\t\n我想问")),
    ("empty text", said(Content=""), heard("")),
    ("text as long as nobody writes", said(Content="防" * 30_000), heard("防" * LONGEST_INBOUND)),
    (
        "picture",
        said(MsgType="image", Content=None, PicUrl="http://203.0.113.9/x", MediaId="MEDIA1"),
        heard("", "24567890123456789", Media("image", "MEDIA1")),
    ),
    (
        "voice",
        said(MsgType="voice", Content=None, MediaId="MEDIA1", Format="amr"),
        heard("", "24567890123456789", Media("voice", "MEDIA1")),
    ),
    (
        "voice that was recognised",
        said(MsgType="voice", Content=None, MediaId="MEDIA1", Format="amr", Recognition="有人要我转账"),
        heard("有人要我转账", "24567890123456789", Media("voice", "MEDIA1")),
    ),
    (
        "video",
        said(MsgType="video", Content=None, MediaId="MEDIA1", ThumbMediaId="T"),
        heard("", "24567890123456789", Media("video", "MEDIA1")),
    ),
    (
        "short video",
        said(MsgType="shortvideo", Content=None, MediaId="MEDIA1", ThumbMediaId="T"),
        heard("", "24567890123456789", Media("video", "MEDIA1")),
    ),
    (
        "place",
        said(MsgType="location", Content=None, Location_X="31.7", Location_Y="115.9", Scale=16, Label="学校北门"),
        heard("位置：学校北门（31.7，115.9）"),
    ),
    (
        "link",
        said(MsgType="link", Content=None, Title="中奖了", Description="", Url="http://example.com/a?b=1&c=2"),
        heard("中奖了\nhttp://example.com/a?b=1&c=2"),
    ),
    ("begins to follow", event("subscribe", EventKey=""), heard("菜单", event_id("subscribe"))),
    (
        "begins to follow through a QR code",
        event("subscribe", EventKey="qrscene_12", Ticket="T"),
        heard("菜单", event_id("subscribe", "qrscene_12")),
    ),
    ("comes again through a QR code", event("SCAN", EventKey="12", Ticket="T"), heard("菜单", event_id("SCAN", "12"))),
    ("menu entry", event("CLICK", EventKey="我要举报"), heard("我要举报", event_id("CLICK", "我要举报"))),
    ("menu entry without words", event("CLICK", EventKey=" "), heard("菜单", event_id("CLICK", " "))),
    (
        "menu entry with a long key",
        event("CLICK", EventKey="问" * 500),
        heard("问" * 500, (event_id("CLICK", "问" * 500))[:200]),
    ),
    ("no longer follows", event("unsubscribe", EventKey=""), None),
    ("opens a page of the menu", event("VIEW", EventKey="https://example.com/"), None),
    ("where a follower is", event("LOCATION", Latitude="31.7", Longitude="115.9", Precision="60"), None),
    ("a template message arrived", event("TEMPLATESENDJOBFINISH", MsgID=200163836, Status="success"), None),
    (
        "a mass message was sent",
        event("MASSSENDJOBFINISH", MsgID=1, Status="send success", FromUserName="mphelper"),
        None,
    ),
    ("event without a name", event(""), None),
    ("type nobody knows", said(MsgType="hologram"), None),
]


@pytest.mark.parametrize(("xml", "message"), [row[1:] for row in MESSAGES], ids=[row[0] for row in MESSAGES])
def test_message(safe: WechatOfficial, plain: WechatOfficial, xml: bytes, message: InboundMessage | None) -> None:
    for account, request in ((safe, posted_sealed(xml, NOW)), (plain, posted(xml, NOW))):
        received = account.parse_callback(request)

        assert received.messages == ((message,) if message else ())
        assert received.answer(None).body == b"success"
        for one in received.messages:
            assert one.private
            assert account.address_fault(one.sender.id) is None


MALFORMED = {
    "sender is missing": said(FromUserName=None),
    "sender is no openid": said(FromUserName="../etc"),
    "account is missing": said(ToUserName=None),
    "type is missing": said(MsgType=None),
    "id is missing": said(MsgId=None),
    "id is no number": said(MsgId="x" * 300),
    "id is a huge number": said(MsgId=10**40),
    "picture without an id": said(MsgType="image"),
    "picture with a strange id": said(MsgType="image", MediaId="有 空格"),
    "event without its time": event("subscribe", CreateTime=None),
    "event with a strange time": event("subscribe", CreateTime="now"),
    "two contents": said().replace(b"</xml>", b"<Content>x</Content></xml>"),
    "half a character": said().replace(VALID_TEXT.encode(), b"\xed\xa0\x80"),
    "half a character by its number": said().replace(VALID_TEXT.encode(), b"]]>&#xD800;<![CDATA["),
    "a zero byte": said().replace(VALID_TEXT.encode(), b"\x00"),
    "entity": b'<!DOCTYPE a [<!ENTITY b "c">]>' + said().replace(VALID_TEXT.encode(), b"&b;"),
    "no XML": b"{}",
    "nothing": b"",
    "deep": b"<xml>" * 5000,
}


@pytest.mark.parametrize("xml", MALFORMED.values(), ids=MALFORMED)
def test_malformed_message_is_refused(safe: WechatOfficial, plain: WechatOfficial, xml: bytes) -> None:
    assert refusal_of(safe, posted_sealed(xml, NOW)) == ("malformed", 400)
    assert refusal_of(plain, posted(xml, NOW)) == ("malformed", 400)
