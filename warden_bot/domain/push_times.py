"""At which times of day something routine is pushed: when families look at their phones and nobody is disturbed."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

Stretch = tuple[time, time]
ON_THE_HOUR = (0, 30)  # everybody's messages arrive at these minutes
ANY_DAY = date(2000, 1, 1)  # to add minutes to a time of day


@dataclass(frozen=True, slots=True)
class PushTimes:
    """Stretches of a day; what stands here is used where the school wrote nothing."""

    weekdays: tuple[Stretch, ...] = ((time(12, 10), time(13, 10)), (time(17, 20), time(18, 40)))
    sundays: tuple[Stretch, ...] = ((time(15), time(17)),)

    def objection(self, at: time, window: timedelta, *, sunday: bool) -> str | None:
        """Say why a push should not begin at a time and leave until a window later; None where it may."""
        stretches = self.sundays if sunday else self.weekdays
        begins = datetime.combine(ANY_DAY, at)
        ends = begins + window
        if not any(start <= at and ends <= datetime.combine(ANY_DAY, last) for start, last in stretches):
            allowed = "、".join(f"{start:%H:%M}–{last:%H:%M}" for start, last in stretches)
            day = "星期天" if sunday else "平日"
            return f"{day} {at:%H:%M} 到 {ends:%H:%M} 不全在推送时间里（{allowed}）"
        return f"{at:%H:%M} 是整点或半点，错开几分钟" if at.minute in ON_THE_HOUR else None
