"""The AI bot without a connection: later answers, files, addresses, settings."""

import base64
import json
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from tests.channel_cases import failure_of, make_outbound
from tests.conftest import ROOT, Clock
from tests.factories import NOW
from tests.platforms.wecom_aibot import AES_KEY, TOKEN, make_message, make_request
from tests.platforms.wecom_aibot_socket import BOT_ID, BOT_SECRET, CHAT, FakeAibot
from tests.wecom_envelope import encrypt_file
from warden_bot.channels.base import Surroundings
from warden_bot.channels.http import Http
from warden_bot.channels.wecom_aibot.channel import WecomAibot
from warden_bot.domain.message import Media
from warden_bot.errors import SendError, SettingsError
from warden_bot.states import AttemptOutcome, ChannelKind

KIND = ChannelKind.WECOM_AIBOT
URL_MODE = {"token": TOKEN, "aes_key": AES_KEY}
CONNECTS = {"bot_id": BOT_ID, "bot_secret": BOT_SECRET}
MEDIA = json.loads((ROOT / "tests/vectors/wecom_aibot_media.json").read_text(encoding="utf-8"))["cases"]
REJECTED = AttemptOutcome.REJECTED


@pytest.fixture
def aibot(fake: FakeAibot, http: Http, clock: Clock) -> WecomAibot:
    return WecomAibot(URL_MODE | {"api_base": fake.base}, Surroundings(http, clock))


async def test_later_answer_goes_to_the_address_of_the_message_once(aibot: WecomAibot, fake: FakeAibot) -> None:
    url = f"{fake.base}/cgi-bin/aibot/response?response_code=RC1"
    body = make_message(chattype="single", chatid=None, response_url=url)
    (message,) = aibot.parse_callback(make_request(body, NOW)).messages
    assert message.reply_url == url

    await aibot.send(make_outbound(url), "**已收到**", 0)

    assert fake.posted == [{"msgtype": "markdown", "markdown": {"content": "**已收到**"}}]
    error = await failure_of(aibot, url)
    assert (error.code, error.outcome) == ("unexpected_answer", REJECTED)


async def test_later_answer_that_is_too_long_is_refused(aibot: WecomAibot, fake: FakeAibot) -> None:
    url = f"{fake.base}/cgi-bin/aibot/response?response_code=RC1"

    assert (await failure_of(aibot, url, "防" * 7000)).code == "text_too_long"
    assert fake.posted == []


@pytest.mark.parametrize(
    "address", [CHAT, "single:zhangsan", "https://qyapi.weixin.qq.com.evil.example/x", "http://qyapi.weixin.qq.com/x"]
)
async def test_on_its_url_the_bot_writes_to_nobody_first(aibot: WecomAibot, address: str) -> None:
    error = await failure_of(aibot, address)

    assert (error.code, error.outcome, error.asked) == ("cannot_push", REJECTED, False)
    able = aibot.abilities(address)
    assert (able.pushes, able.reaches_people, aibot.listens(), aibot.sends_from_here()) == (False, False, False, True)


@pytest.mark.parametrize("case", MEDIA, ids=lambda case: case["name"])
@pytest.mark.parametrize("padded", [True, False])
async def test_file_of_the_vectors_is_opened_with_its_own_key(
    aibot: WecomAibot, fake: FakeAibot, case: dict[str, str], padded: bool
) -> None:
    cipher = base64.b64decode(case["ciphertext_base64"])
    plain = bytes.fromhex(case["plaintext_hex"])
    assert encrypt_file(plain, case["aeskey"].rstrip("=")) == cipher
    fake.files["1"] = cipher

    media = Media("image", f"{fake.base}/media/1", case["aeskey"] if padded else case["aeskey"].rstrip("="))

    assert await aibot.fetch_media(media) == plain


async def test_file_without_a_key_is_opened_with_the_bot_s(aibot: WecomAibot, fake: FakeAibot) -> None:
    fake.files["1"] = encrypt_file(b"a picture", AES_KEY)

    assert await aibot.fetch_media(Media("image", f"{fake.base}/media/1")) == b"a picture"


OWN_KEY = MEDIA[0]["aeskey"]
FILES = [
    ("wrong key", "media/1", base64.b64encode(bytes(32)).decode(), "unexpected_answer"),
    ("short key", "media/1", "AAAA", "unexpected_answer"),
    ("key is no base64", "media/1", "!", "unexpected_answer"),
    ("no block", "media/short", OWN_KEY, "unexpected_answer"),
    ("nothing", "media/empty", OWN_KEY, "unexpected_answer"),
    ("not there", "elsewhere", OWN_KEY, "no_media"),
    ("too large", "media/large", OWN_KEY, "too_large"),
]


@pytest.mark.parametrize(("path", "key", "code"), [row[1:] for row in FILES], ids=[row[0] for row in FILES])
async def test_file_that_is_not_given(aibot: WecomAibot, fake: FakeAibot, path: str, key: str, code: str) -> None:
    fake.files |= {"1": base64.b64decode(MEDIA[0]["ciphertext_base64"]), "short": b"x" * 17, "empty": b""}
    fake.files["large"] = bytes(20 * 1024 * 1024 + 16)

    with pytest.raises(SendError) as caught:
        await aibot.fetch_media(Media("image", f"{fake.base}/{path}", key))

    assert (caught.value.code, caught.value.outcome) == (code, REJECTED)


async def test_file_at_a_strange_place_is_told_of_and_not_fetched(aibot: WecomAibot) -> None:
    body = make_message(chattype="single", chatid=None, msgtype="image", image={"url": "https://127.0.0.1/x"})
    (message,) = aibot.parse_callback(make_request(body, NOW)).messages

    assert message.media == (Media("image", ""),)
    with pytest.raises(SendError, match="foreign_address"):
        await aibot.fetch_media(message.media[0])


@pytest.mark.parametrize(
    ("address", "fine"),
    [
        (CHAT, True),
        ("single:zhang.san-1@x", True),
        ("single:", False),
        ("", False),
        ("有空格 的", False),
        ("https://qyapi.weixin.qq.com/cgi-bin/aibot/response?response_code=1", False),
    ],
)
def test_address_is_a_chat_or_a_person(aibot: WecomAibot, address: str, fine: bool) -> None:
    assert (aibot.address_fault(address) is None) is fine


SETTINGS = [
    (URL_MODE | {"aes_key": "short"}, "WARDEN_WECOM_AIBOT_AES_KEY"),
    (URL_MODE | CONNECTS, "WARDEN_WECOM_AIBOT_TOKEN"),
    ({"token": TOKEN, "bot_id": BOT_ID}, "WARDEN_WECOM_AIBOT_TOKEN"),
    ({"callback_seconds": "soon"}, "WARDEN_WECOM_AIBOT_CALLBACK_SECONDS"),
    ({"websocket_url": "https://example.org"}, "WARDEN_WECOM_AIBOT_WEBSOCKET_URL"),
]


@pytest.mark.parametrize(("values", "name"), SETTINGS)
def test_setting_that_is_not_usable_is_named(http: Http, clock: Clock, values: dict[str, str], name: str) -> None:
    with pytest.raises(SettingsError) as caught:
        WecomAibot(values, Surroundings(http, clock))

    (fault,) = caught.value.faults
    assert name in fault
    assert not [value for value in values.values() if len(value) > 5 and value in fault]


@pytest.mark.parametrize(
    ("values", "lacking"),
    [
        ({}, ["TOKEN", "AES_KEY"]),
        (URL_MODE, []),
        ({"bot_id": BOT_ID}, ["BOT_SECRET"]),
        ({"bot_secret": BOT_SECRET}, ["BOT_ID"]),
        (CONNECTS, []),
    ],
)
def test_what_is_lacking_belongs_to_the_pair_that_was_begun(
    http: Http, clock: Clock, values: dict[str, str], lacking: list[str]
) -> None:
    assert WecomAibot(values, Surroundings(http, clock)).lacks() == lacking


async def test_check_says_whether_somebody_answers_and_pushes_nobody_out(
    aibot: WecomAibot, fake: FakeAibot, http: Http, clock: Clock
) -> None:
    connects = WecomAibot(CONNECTS | {"websocket_url": fake.url}, Surroundings(http, clock))
    nowhere = WecomAibot(CONNECTS | {"websocket_url": "ws://127.0.0.1:9"}, Surroundings(http, clock))

    assert await aibot.check() == ""
    assert "没有试密钥" in await connects.check()
    assert fake.subscriptions == 0
    with pytest.raises(SendError, match="unreachable"):
        await nowhere.check()


async def test_connection_follows_nobody_elsewhere(stranger: str, http: Http, clock: Clock) -> None:
    moved = WecomAibot(CONNECTS | {"websocket_url": stranger}, Surroundings(http, clock))

    with pytest.raises(SendError, match="unreachable"):
        await moved.check()


@pytest.fixture
async def stranger(fake: FakeAibot) -> AsyncIterator[str]:
    """Start a server that sends whoever comes on to the platform."""

    async def elsewhere(_request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": fake.base + "/"})

    runner = web.AppRunner(site := web.Application())
    site.router.add_get("/", elsewhere)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"ws://127.0.0.1:{runner.addresses[0][1]}/"
    await runner.cleanup()
