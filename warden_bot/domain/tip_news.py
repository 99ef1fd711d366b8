"""Which steps of a case its reporter hears of: each sort of news once, for every further line frightens and says nothing."""

from collections.abc import Sequence

from warden_bot.states import CaseEventKind


def handing_on_is_news(history: Sequence[CaseEventKind]) -> bool:
    """Say whether a reporter hears that a case is given to another desk: of the first one, not of each between desks."""
    return CaseEventKind.TRANSFERRED not in _since_reopened(history)


def taking_is_news(history: Sequence[CaseEventKind]) -> bool:
    """Say whether a reporter hears that somebody has a case: the first time, and once after they heard of a transfer."""
    history = _since_reopened(history)
    moved = history.index(CaseEventKind.TRANSFERRED) if CaseEventKind.TRANSFERRED in history else 0
    return CaseEventKind.ACKNOWLEDGED not in history[moved:]


def _since_reopened(history: Sequence[CaseEventKind]) -> Sequence[CaseEventKind]:
    """Return what came after the last reopening, with which the news begin anew."""
    starts = [place for place, kind in enumerate(history) if kind is CaseEventKind.REOPENED]
    return history[starts[-1] :] if starts else history
