"""Every exception the project raises.

    SettingsError            outside the tree on purpose: whatever catches WardenError must not swallow it
    WardenError
    ├── Refused              a person asked for something that cannot be done; the text says what to do instead
    │   ├── IllegalMove      a case or a broadcast may not go from this state to that one
    │   └── AccessDenied     this officer may not do this
    ├── FaultsFound          a file with faults, every one of them named; nothing of it was taken over
    ├── DatabaseBehind       the database is older or newer than the program
    ├── Overloaded           too much is waiting to be stored; whoever can come again is asked to
    ├── SealBroken           sealed words that no key of ours opens, or that were changed
    ├── LinkRefused          the address of a page that is not ours, or whose time is over
    ├── CallbackRejected     an inbound request that is forged, stale, oversized or malformed
    └── SendError            a platform did not take a message; the code says how it failed
        └── OutcomeUnknown   the request went out and no usable answer came back

A subclass exists only where a caller does something different; otherwise it is a `code`. No exception text
ever holds the words, the name or the contact of a person, nor a secret.
"""

from dataclasses import dataclass
from datetime import timedelta

from warden_bot.states import AttemptOutcome


class SettingsError(Exception):
    """The environment is wrong; `faults` names each wrong setting, never its secret value."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


class WardenError(Exception):
    """Root of everything that can go wrong while the program runs."""


class Refused(WardenError):
    """What was asked for cannot be done. The text is one line for the person who asked."""


class IllegalMove(Refused):
    """A row may not go from its present state to the wanted one."""


class AccessDenied(Refused):
    """The officer's role does not allow this."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with a file, at the place where an editor finds it."""

    file: str
    line: int  # counted from 1; 0 where the whole file is meant
    reason: str

    def __str__(self) -> str:
        """Render as `file:line: reason`, the form that editors' programs can jump to."""
        return f"{self.file}:{self.line}: {self.reason}" if self.line else f"{self.file}: {self.reason}"


class FaultsFound(WardenError):
    """A file was refused as a whole; `faults` names everything that is wrong with it."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("\n".join(str(fault) for fault in faults))
        self.faults = faults


class DatabaseBehind(WardenError):
    """The database's schema is not the one this program was written for."""


class Overloaded(WardenError):
    """More is waiting to be stored than can be soon; nothing of this one was kept."""


class SealBroken(WardenError):
    """Sealed bytes could not be opened: the key is missing or the bytes were changed."""


class LinkRefused(WardenError):
    """A signed address that is `forged`, `expired`, or good once and `used`."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class CallbackRejected(WardenError):
    """An inbound request was refused before anything of it was used; `status` is the HTTP answer."""

    def __init__(self, code: str, status: int = 400) -> None:
        super().__init__(code)
        self.code = code
        self.status = status


class SendError(WardenError):
    """A platform did not take a message.

    code: ours, one of throttled, unreachable, busy, bad_credentials, route_broken, bad_request, text_too_long,
    content_refused, unexpected_answer, token_refused (the channel renews it), outside_window (the platform only allows
    answers, and the time for one is over), no_media, too_large, foreign_address, cannot_push, cannot_probe,
    cannot_recall. outcome: what the outbox does about it. retry_after: what the platform asked for. platform_code and
    platform_words: theirs. asked: whether the platform was asked at all; not where the mistake is ours.
    """

    def __init__(
        self,
        code: str,
        outcome: AttemptOutcome,
        *,
        retry_after: timedelta | None = None,
        platform_code: str = "",
        platform_words: str = "",
        asked: bool = True,
    ) -> None:
        super().__init__(f"{code} {platform_code} {platform_words}".strip())
        self.code = code
        self.outcome = outcome
        self.retry_after = retry_after
        self.platform_code = platform_code
        self.platform_words = platform_words
        self.asked = asked

    def restated(
        self,
        code: str = "",
        outcome: AttemptOutcome | None = None,
        retry_after: timedelta | None = None,
        *,
        platform_code: str = "",
        platform_words: str = "",
    ) -> "SendError":
        """Return the same refusal with another meaning or in other words; what is not given stays as it is."""
        return SendError(
            code or self.code,
            outcome or self.outcome,
            retry_after=self.retry_after if retry_after is None else retry_after,
            platform_code=platform_code or self.platform_code,
            platform_words=platform_words or self.platform_words,
            asked=self.asked,
        )


class OutcomeUnknown(SendError):
    """The bytes left and nobody can say whether the platform took them."""

    def __init__(self, code: str, platform_words: str = "") -> None:
        super().__init__(code, AttemptOutcome.UNKNOWN, platform_words=platform_words)
