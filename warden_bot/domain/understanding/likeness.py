"""Put alike questions together, so that an editor sees one matter once."""

from collections import Counter, defaultdict
from collections.abc import Sequence

from warden_bot.domain.understanding.normalise import features

ALIKE = 0.4  # share of what two texts have in common
ALIKE_AND_NEAR = 0.2  # the same, where both are nearest to the same topic
SINGLE = 1  # characters on their own say little


def groups_of(texts: Sequence[tuple[str, str | None]]) -> list[int]:
    """Return for each text, given with the topic it is nearest to, the place of the first text that it is like."""
    firsts: list[frozenset[str]] = []
    place_of: list[int] = []  # of each group's first text among all
    holding: defaultdict[str, list[int]] = defaultdict(list)  # groups whose first text has this feature
    result = []
    for place, (text, near) in enumerate(texts):
        mine = frozenset(one for one in features(text) if len(one) > SINGLE)
        shared = Counter(group for one in mine for group in holding[one])
        best, most = None, 0.0
        for group, count in shared.items():
            likeness = 2 * count / (len(mine) + len(firsts[group]))
            same_topic = near is not None and near == texts[place_of[group]][1]
            if likeness >= (ALIKE_AND_NEAR if same_topic else ALIKE) and likeness > most:
                best, most = group, likeness
        if best is None:
            best = len(firsts)
            firsts.append(mine)
            place_of.append(place)
            for one in mine:
                holding[one].append(best)
        result.append(place_of[best])
    return result
