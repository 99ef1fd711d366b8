"""What Feishu tells an app: events 2.0 over HTTP, opened and read strictly.

https://open.feishu.cn/document/server-docs/event-subscription-guide/event-subscription-configure-/encrypt-key-encryption-configuration-case

    signature = sha256 hex of timestamp + nonce + encrypt key + raw body        only where an encrypt key is set
    body      = {"encrypt": base64(iv + AES-256-CBC(sha256(encrypt key), iv))}  PKCS#7 to 16; else plain JSON

Without an encrypt key the verification token inside the body is the only proof. An event is answered with 200 and
nothing else; what the bot says goes out as a message of its own.
"""

import base64
import hashlib
from collections.abc import Callable
from datetime import timedelta

from warden_bot.channels.base import CallbackRequest, Received, json_answer
from warden_bot.channels.envelope import AES_BLOCK, decrypt, require_fresh
from warden_bot.channels.feishu.message import Text, message_of
from warden_bot.channels.feishu.signs import sign_of
from warden_bot.channels.inbound import Strict
from warden_bot.channels.signing import same
from warden_bot.errors import CallbackRejected

TIMESTAMP, NONCE, SIGNATURE = "x-lark-request-timestamp", "x-lark-request-nonce", "x-lark-signature"
HANDSHAKE, MESSAGE, SIGN = "url_verification", "im.message.receive_v1", "im.message.reaction.created_v1"
LARGEST_HANDSHAKE = 4096  # bytes; only so much is looked at without a signature


class _Encrypted(Strict):
    encrypt: str


class _Header(Strict):
    event_type: Text = ""
    token: Text = ""
    app_id: Text = ""


class _Callback(Strict):
    """What all have in common: `header` in events 2.0; the rest in handshakes, and in events 1.0, which we do not read."""

    header: _Header | None = None
    type: Text = ""
    token: Text = ""
    challenge: Text = ""


class Events:
    """Reads what one app is told."""

    def __init__(self, setting: Callable[[str], str], window: timedelta) -> None:
        self._window = window
        self._encrypt_key, self._token = setting("ENCRYPT_KEY"), setting("VERIFICATION_TOKEN")
        self._app_id, self._bot = setting("APP_ID"), setting("BOT_OPEN_ID")

    def __repr__(self) -> str:
        """Hide the key and the token."""
        return "Events(…)"

    def read(self, request: CallbackRequest) -> Received:
        """Verify and read one request. Raise CallbackRejected for anything that is not exactly right."""
        if not (self._encrypt_key or self._token):
            raise CallbackRejected("not_configured", 404)
        if request.method != "POST":
            raise CallbackRejected("malformed", 405)
        if not self._encrypt_key:
            return self._received(request.body)
        try:
            self._require_signature(request)
        except CallbackRejected:
            # It is not sure that the handshake is signed. Encrypted with our key, all it can do is to be sent back.
            handshake = self._handshake(request.body)
            if handshake is None:
                raise
            return handshake
        return self._received(self._open(request.body))

    def _require_signature(self, request: CallbackRequest) -> None:
        timestamp = request.headers.get(TIMESTAMP, "")
        signed = timestamp + request.headers.get(NONCE, "") + self._encrypt_key
        digest = hashlib.sha256(signed.encode("utf-8", "surrogatepass") + request.body).hexdigest()
        if not same(digest, request.headers.get(SIGNATURE, "")):
            raise CallbackRejected("bad_signature", 401)
        require_fresh(timestamp, request.received_at, self._window)

    def _handshake(self, body: bytes) -> Received | None:
        """Read a handshake that nobody signed. None for anything else, whatever is wrong: that tells an attacker nothing."""
        if len(body) > LARGEST_HANDSHAKE:
            return None
        try:
            plain = self._open(body)
            found = _Callback.read(plain)
            return self._received(plain) if found.header is None and found.type == HANDSHAKE else None
        except CallbackRejected:
            return None

    def _open(self, body: bytes) -> bytes:
        try:
            sealed = base64.b64decode(_Encrypted.read(body).encrypt, validate=True)
        except ValueError:
            raise CallbackRejected("malformed", 400) from None
        key = hashlib.sha256(self._encrypt_key.encode()).digest()
        return decrypt(key, sealed[AES_BLOCK:], sealed[:AES_BLOCK], AES_BLOCK)

    def _received(self, plain: bytes) -> Received:
        found = _Callback.read(plain)
        if self._token and not same(self._token, found.header.token if found.header else found.token):
            raise CallbackRejected("bad_signature", 401)
        if found.header is None:
            # A handshake is answered with its challenge; of events 1.0 we want none.
            answer = {"challenge": found.challenge} if found.type == HANDSHAKE else {}
            return Received((), lambda _reply: json_answer(answer))
        if self._app_id and found.header.app_id != self._app_id:
            raise CallbackRejected("wrong_receiver", 403)
        heard = None
        if found.header.event_type == MESSAGE:
            heard = message_of(plain, self._bot)
        elif found.header.event_type == SIGN:
            heard = sign_of(plain)
        return Received((heard,) if heard else (), lambda _reply: json_answer({}))
