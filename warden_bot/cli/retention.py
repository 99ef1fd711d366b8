"""`retention`: erase what is kept only for so many days."""

from typing import Annotated

import typer

from warden_bot.cli.console import Json, actor, run, say, show_json

app = typer.Typer(help="到期清除（retention）", no_args_is_help=True)

_WORDS = {
    "tip_words": "举报的原话",
    "tip_pictures": "举报的照片",
    "case_notes": "线索里的记录和来往的话",
    "reporters": "谁举报的",
    "contacts": "回话的地方",
    "receipts": "举报人的编号",
    "replies_sent": "发出的回复",
    "replies": "回过的话",
    "talk": "群里没叫机器人的话",
    "machine_alarms": "校园系统的报警",
    "lesson_answers": "云课堂的做题记录",
    "opinions": "议事厅的意见",
    "audit_entries": "操作记录",
    "unreadable_spooled": "打不开的暂存消息",
    "erased_again": "举报人删过、备份又带回来的话",
}


@app.callback()
def retention() -> None:
    """到期清除。Erase what has had its time."""


@app.command("purge")
def purge(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="只数一数，不清除")] = False,
    as_json: Json = False,
) -> None:
    """清除到期的内容；天数写在 content/retention.yml。Erase what has had its time."""
    from warden_bot.content.open_pages import read_open_pages
    from warden_bot.content.retention import read_retention
    from warden_bot.environment import settings_from_here
    from warden_bot.errors import FaultsFound
    from warden_bot.handlers.council import Hall, due_opinions, purge_opinions
    from warden_bot.handlers.retention import due_for_purge
    from warden_bot.handlers.retention import purge as purge_now
    from warden_bot.kit import open_kit
    from warden_bot.store.spool import Spool

    settings = settings_from_here()
    days, faults = read_retention(settings.content_dir)
    pages, more = read_open_pages(settings.content_dir)
    if faults or more:  # nothing is erased by days that nobody meant
        raise FaultsFound(faults + more)
    hall = Hall(pages.questions.values(), days, settings.zone)

    async def work() -> dict[str, int]:
        async with open_kit(settings) as kit:
            spool, now = Spool(settings.spool_dir, kit.sealer), kit.clock()
            if dry_run:
                counted = await due_for_purge(kit.database, kit.sealer, spool, days, now)
                return counted | {"opinions": await due_opinions(kit.database, hall, now)}
            erased = await purge_now(kit.database, kit.sealer, spool, days, actor(), now)
            return erased | {"opinions": await purge_opinions(kit.database, hall, actor(), now)}

    counts = run(work())
    if as_json:
        show_json({"dry_run": dry_run, "counts": counts})
        return
    done = "到期" if dry_run else "清除了"
    for name, count in counts.items():
        if count:
            say(f"{_WORDS[name]}\t{done} {count}")
    say(f"共{done} {sum(counts.values())} 处")
