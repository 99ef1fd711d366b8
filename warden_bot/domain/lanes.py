"""Who may use a worker's places: the more urgent first, but everybody some.

A worker has MOST_OPEN places, for requests that are under way. If one priority could take them all, an urgent alert
would wait until a platform that hangs lets go of a routine broadcast; if only urgency counted, a flood of replies
would keep a broadcast back for ever. So each priority has places that only it may use, and when several wait, the
most urgent takes what is free except one place for each of the others.
"""

from collections.abc import Collection, Mapping

from warden_bot.states import Priority

MOST_OPEN = 50  # requests under way in one worker; a kill leaves at most so many in doubt
KEPT_FREE = 1  # places that only this priority may use, for each of the four


def share_out(busy: Mapping[Priority, int], due: Collection[Priority], most: int = MOST_OPEN) -> dict[Priority, int]:
    """Return how many deliveries of each due priority to claim now, at most so many in all.

    `busy` says how many of each are under way.
    """
    taken = {priority: busy.get(priority, 0) for priority in Priority}
    shares: dict[Priority, int] = {}
    waiting = sorted(due)
    for place, priority in enumerate(waiting, start=1):
        others = len(waiting) - place  # less urgent ones, of which each gets one at least
        kept = sum(max(KEPT_FREE - count, 0) for other, count in taken.items() if other is not priority)
        left = most - sum(shares.values())
        room = min(MOST_OPEN - sum(taken.values()) - kept, max(left - others, min(left, 1)))
        if room > 0:
            shares[priority] = room
            taken[priority] += room
    return shares
