"""The platform of companies, and what two kinds of apps on it have in common: tokens, errors, what a person has to mend.

https://developer.work.weixin.qq.com/document/path/91039 (tokens), 90313 (codes). The platform answers HTTP 200 even
when it refuses; only `errcode` says so.
"""

from collections.abc import Mapping

from warden_bot.channels.base import Channel, ChannelSetting, Surroundings
from warden_bot.channels.errcodes import TOKEN_ERRORS, Errors
from warden_bot.channels.meanings import BAD_CREDENTIALS, BAD_REQUEST, ROUTE_BROKEN
from warden_bot.channels.rules import whole_number
from warden_bot.channels.token_api import TokenApi, TokenQuestion
from warden_bot.channels.tokens import token_name

API_BASE = "https://qyapi.weixin.qq.com"

COMPANY_ERRORS: Errors = {
    **TOKEN_ERRORS,
    40056: BAD_CREDENTIALS,  # AGENT_ID
    40058: BAD_REQUEST,
    **dict.fromkeys((48002, 301002), BAD_CREDENTIALS),  # the interface is not permitted; the app is another one's
    60020: BAD_CREDENTIALS,  # the app's list of trusted IPs does not have ours
    **dict.fromkeys((60011, 60111, 81013, 82001), ROUTE_BROKEN),  # nobody there, or out of the app's range
}
COMPANY_REASONS: Mapping[str, str] = {
    "40001": "SECRET 不对",
    "40013": "CORP_ID 不对",
    "40056": "AGENT_ID 不对",
    "60020": "这台服务器的 IP 不在应用的可信 IP 名单里",
}
COMPANY_SETTINGS = (
    ChannelSetting("API_BASE", "where the platform stands", API_BASE),
    ChannelSetting("CORP_ID", "the company's or school's id (企业ID)", needed=True),
    ChannelSetting("AGENT_ID", "the app's number (AgentId)", needed=True, rule=whole_number(0, 9_999_999_999)),
    ChannelSetting("SECRET", "the app's secret; with it messages are sent", secret=True, needed=True),
)


def company_api(channel: Channel, around: Surroundings, errors: Errors, reasons: Mapping[str, str]) -> TokenApi:
    """Return the calls of the app that a channel is set up with."""
    corp, secret = channel.setting("CORP_ID"), channel.setting("SECRET")
    name = token_name(channel.kind, f"{corp}:{agent_of(channel)}", secret)
    question = TokenQuestion(name, "gettoken", {"corpid": corp, "corpsecret": secret})

    def require_settings() -> None:
        channel.require_settings(*channel.lacks())

    return TokenApi(around, f"{channel.base}/cgi-bin", question, errors, reasons, require_settings)


def agent_of(channel: Channel) -> int:
    """Return the app's number, 0 where it is not set."""
    return int(channel.setting("AGENT_ID") or "0")
