"""`cases reporter` and `cases export`: who reported, for a reason; and how many cases there were, for a report."""

from typing import Annotated

import typer

from warden_bot.cli.cases import As, Code, read_typed
from warden_bot.cli.console import Json, run, run_as, say, show_json


def reporter(
    code: Code,
    officer: As,
    reason: Annotated[str, typer.Option(help="为什么要看，一句话；会封存在这条线索里")],
    as_json: Json = False,
) -> None:
    """看是谁举报的：只有值班民警和所长可以，会记下来。Open who reported; role and reason needed, audited."""
    from warden_bot.content.desks import read_desks
    from warden_bot.environment import settings_from_here
    from warden_bot.handlers.reporter import open_reporter

    wanted, settings = read_typed(code), settings_from_here()
    desks, _ = read_desks(settings.content_dir)
    found = run_as(
        officer,
        settings,
        lambda session, kit, who: open_reporter(session, wanted, who, reason, kit.sealer, kit.clock(), desks),
    )
    if as_json:
        show_json({"code": wanted, "reporters": found})
        return
    for one in found:
        say(f"{one['channel']}\t{one.get('id', '')}\t{one.get('name', '')}\t{one.get('group') or '私聊'}")
    say(f"共 {len(found)} 条，已记下是 {officer} 看的")


def export(as_json: Json = False) -> None:
    """按月、类别、结果数线索，不含任何原话。Count the cases by month, category and outcome; no words."""
    from warden_bot.domain.categories import category_words
    from warden_bot.domain.counting import count_cases
    from warden_bot.environment import settings_from_here
    from warden_bot.kit import open_kit
    from warden_bot.store.cases import all_cases

    settings = settings_from_here()

    async def work() -> list[tuple[str, str, str]]:
        async with open_kit(settings) as kit, kit.database.read() as session:
            found = await all_cases(session)
        return [(f"{one.opened_at.astimezone(settings.zone):%Y-%m}", one.category, one.outcome) for one in found]

    rows = count_cases(run(work()))
    if as_json:
        show_json(rows)
        return
    for row in rows:
        say(f"{row['month']}\t{category_words(row['category'])}\t{row['outcome'] or '还没结束'}\t{row['count']}")
    say(f"共 {sum(row['count'] for row in rows)} 条")
