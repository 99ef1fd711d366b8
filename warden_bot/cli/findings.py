"""`findings`: what the auditor and the deliveries have found that a person should know."""

from typing import Annotated, Any

import typer

from warden_bot.cli.console import Json, local_time, run, say, show_json

app = typer.Typer(help="要有人看的事（findings）", no_args_is_help=True)
WORDS = {
    "campaign_missed": "日历上有，没有发",
    "campaign_skipped": "日历上有，按规矩跳过",
    "broadcast_incomplete": "有群没排上",
    "claim_overdue": "发送的程序没有回来",
    "post_missing": "老师还没有转发",
    "reply_missing": "有人问了没有答",
    "case_uncalled": "线索没有安排通知",
    "outbox_late": "该发的没有人发",
    "route_broken": "群发不进去",
    "route_moved": "有人用绑定码换了群的地址",
    "credentials_refused": "平台不认我们的凭证",
    "content_refused": "平台不让发这段话",
    "platform_down": "平台没有回应",
    "answer_held": "班主任说这条回答不对",
    "child_data_posted": "群里有人发了孩子的个人信息",
    "alarms_flooded": "校园系统报警太多",
    "pushes_unwelcome": "群里嫌推送烦，下一条平常的跳过",
}


@app.command("list")
def list_all(
    every: Annotated[bool, typer.Option("--all", help="已经好了的也列出来")] = False, as_json: Json = False
) -> None:
    """列出还没好的事。List what is not repaired."""
    from warden_bot.environment import settings_from_here
    from warden_bot.kit import open_kit
    from warden_bot.store.findings import all_findings, open_findings

    settings = settings_from_here()

    async def work() -> list[dict[str, Any]]:
        async with open_kit(settings) as kit, kit.database.read() as session:
            found = await all_findings(session, 1000) if every else await open_findings(session)
            return [one.as_json() for one in found]

    rows = run(work())
    if as_json:
        show_json(rows)
        return
    for row in rows:
        state = "已好" if row["repaired_at"] else "还没好"
        say(
            f"{local_time(row['found_at'], settings.zone)}  {WORDS[row['kind']]}：{row['subject']} {row['words']}".rstrip()
            + f"（{state}，{row['times']} 次）"
        )
    if not rows:
        say("没有要看的")
