from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from warden_bot.channels.http import Http
from warden_bot.channels.places import LONGEST_ADDRESS, fetch_from, is_known_place, origin_of, read_hosts
from warden_bot.errors import OutcomeUnknown, SendError
from warden_bot.states import AttemptOutcome

HOSTS = ["qyapi.weixin.qq.com", "myqcloud.com", "http://127.0.0.1:8008"]


@pytest.mark.parametrize(
    "address",
    [
        "https://qyapi.weixin.qq.com",
        "https://qyapi.weixin.qq.com/",
        "https://qyapi.weixin.qq.com/cgi-bin/aibot/response?response_code=a%2Fb&x=@y#z",
        "https://qyapi.weixin.qq.com:443/x",
        "HTTPS://QYAPI.Weixin.QQ.com/x",
        "https://ww-aibot-img-1258476243.cos.ap-guangzhou.myqcloud.com/a/b.jpg?sign=1%3D",
        "https://a_b.myqcloud.com/",
        "http://127.0.0.1:8008/_matrix/media/x",
        "https://qyapi.weixin.qq.com/" + "x" * (LONGEST_ADDRESS - 28),
    ],
)
def test_known_place(address: str) -> None:
    assert is_known_place(address, HOSTS)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "/cgi-bin/response",
        "//qyapi.weixin.qq.com/x",
        "qyapi.weixin.qq.com/x",
        "https:qyapi.weixin.qq.com/x",
        "https:/qyapi.weixin.qq.com/x",
        "https:///qyapi.weixin.qq.com/x",
        "http://qyapi.weixin.qq.com/x",
        "ftp://qyapi.weixin.qq.com/x",
        "file://qyapi.weixin.qq.com/etc/passwd",
        "javascript://qyapi.weixin.qq.com/%0Aalert(1)",
        # somebody else's host
        "https://evil.com/qyapi.weixin.qq.com",
        "https://evilqyapi.weixin.qq.com.evil.com/x",
        "https://qyapi.weixin.qq.com.evil.com/x",
        "https://evilqyapi.weixin.qq.com/x",
        "https://evilmyqcloud.com/x",
        "https://weixin.qq.com/x",
        "https://evil.com#.qyapi.weixin.qq.com/x",
        "https://evil.com?.qyapi.weixin.qq.com/x",
        "https://evil.com/.qyapi.weixin.qq.com",
        "https://evil.com%2f.qyapi.weixin.qq.com/x",
        "https://evil.com%23.qyapi.weixin.qq.com/x",
        "https://evil.com%00.qyapi.weixin.qq.com/x",
        "https://evil.com;.qyapi.weixin.qq.com/x",
        "https://evil.com,a.qyapi.weixin.qq.com/x",
        "https://evil.com`.qyapi.weixin.qq.com/x",
        # users
        "https://user@qyapi.weixin.qq.com/x",
        "https://user:word@qyapi.weixin.qq.com/x",
        "https://qyapi.weixin.qq.com@evil.com/x",
        "https://evil.com%40qyapi.weixin.qq.com/x",
        "https://@qyapi.weixin.qq.com/x",
        "http://user@127.0.0.1:8008/x",
        # ports
        "https://qyapi.weixin.qq.com:80/x",
        "https://qyapi.weixin.qq.com:8443/x",
        "https://qyapi.weixin.qq.com:0/x",
        "https://qyapi.weixin.qq.com:99999/x",
        "https://qyapi.weixin.qq.com:-443/x",
        "https://qyapi.weixin.qq.com:four/x",
        "http://127.0.0.1:8009/x",
        "http://127.0.0.1/x",
        "https://127.0.0.1:8008/x",
        # characters that parsers disagree about
        "https://evil.com\\@qyapi.weixin.qq.com/x",
        "https://qyapi.weixin.qq.com\\.evil.com/x",
        "https:\\\\qyapi.weixin.qq.com\\x",
        "https://qyapi.weixin.qq.com/\\x",
        "https://evil.com\t.qyapi.weixin.qq.com/x",
        "https://qyapi.weixin.qq.com/\r\nHost: evil.com",
        " https://qyapi.weixin.qq.com/x",
        "https://qyapi.weixin.qq.com/x ",
        "https://qyapi.weixin.qq.com/\x00",
        "https://qyapi.weixin.qq.com/\x7f",
        "https://qyapi.weixin.qq.com/图",
        "https://qyapi.weixin.qq.com/\ud800",
        # the same name written otherwise
        "https://qyapi.weixin.qq.com./x",
        "https://qyapi.weixin.qq.com../x",
        "https://.qyapi.weixin.qq.com/x",
        "https://a..qyapi.weixin.qq.com/x",
        "https://ｑｙａｐｉ.weixin.qq.com/x",
        "https://qyapi。weixin。qq。com/x",
        "https://xn--qyapi-.weixin.qq.com.xn--evil/x",
        "https://qyapi%2eweixin%2eqq%2ecom/x",
        "https://[qyapi.weixin.qq.com]/x",
        "https://[::1].qyapi.weixin.qq.com/x",
        "https://[::1%25.qyapi.weixin.qq.com]/x",
        "https://[::1",
        "https://qyapi.weixin.qq.com/" + "x" * (LONGEST_ADDRESS - 27),
    ],
)
def test_anything_else_is_not_known(address: str) -> None:
    assert not is_known_place(address, HOSTS)


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "2130706433", "0177.0.0.1", "0x7f.0.0.1", "0x7f000001", "127.1", "1", "[::1]", "[::ffff:7f00:1]"],
)
def test_bare_number_is_never_a_known_host_even_where_it_is_listed(host: str) -> None:
    assert not is_known_place(f"https://{host}/x", [host, host.strip("[]"), "0.0.1", "1"])


def test_list_of_hosts_is_read_leniently_and_believed_strictly() -> None:
    hosts = read_hosts(" MyQcloud.com, ,https://media.example.org/ ,http://127.0.0.1:8008,*.qq.com,. ")

    assert hosts == ["myqcloud.com", "https://media.example.org", "http://127.0.0.1:8008", "*.qq.com", "."]
    assert is_known_place("https://media.example.org/x", hosts)
    assert not is_known_place("https://a.media.example.org/x", hosts)
    assert not is_known_place("https://a.qq.com/x", hosts)
    assert not is_known_place("https://evil.com/x", hosts)
    assert not is_known_place("https://evil.com/x", read_hosts(""))


@pytest.mark.parametrize(
    ("base", "origins"),
    [
        ("http://127.0.0.1:8008", ["http://127.0.0.1:8008"]),
        ("HTTPS://QYAPI.weixin.qq.com/proxy/", ["https://qyapi.weixin.qq.com"]),
        ("", []),
        ("qyapi.weixin.qq.com", []),
    ],
)
def test_origin_of_what_we_call(base: str, origins: list[str]) -> None:
    assert origin_of(base) == origins


@pytest.fixture
async def there() -> AsyncIterator[str]:
    """Start a server that sends pictures, and people elsewhere."""

    async def page(request: web.Request) -> web.Response:
        if request.path == "/away":
            return web.Response(status=302, headers={"Location": "/picture"})
        if request.path == "/gone":
            return web.Response(status=404)
        return web.Response(body=b"p" * 1000)

    site = web.Application()
    site.router.add_get("/{path:.+}", page)
    server = TestServer(site)
    await server.start_server()
    yield str(server.make_url("")).rstrip("/")
    await server.close()


async def test_fetches_from_a_known_place(http: Http, there: str) -> None:
    assert await fetch_from(http, f"{there}/picture?a=b", [there], largest=1000) == b"p" * 1000


@pytest.mark.parametrize(
    ("path", "largest", "code"),
    [("/picture", 999, "too_large"), ("/away", 9999, "bad_request"), ("/gone", 9999, "no_media")],
)
async def test_fetches_nothing_too_large_and_follows_nobody(
    http: Http, there: str, path: str, largest: int, code: str
) -> None:
    with pytest.raises(SendError) as caught:
        await fetch_from(http, there + path, [there], largest)

    assert (caught.value.code, caught.value.outcome) == (code, AttemptOutcome.REJECTED)
    assert not isinstance(caught.value, OutcomeUnknown)


async def test_does_not_even_ask_at_an_unknown_place(http: Http, there: str) -> None:
    with pytest.raises(SendError) as caught:
        await fetch_from(http, f"{there}/picture", ["qyapi.weixin.qq.com"])

    assert (caught.value.code, caught.value.asked) == ("foreign_address", False)
    assert there not in str(caught.value)
