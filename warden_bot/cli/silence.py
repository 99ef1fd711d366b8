"""`silence`: every group at once, or one of them; private chats and emergencies go on."""

from typing import Annotated, Any

import typer

from warden_bot.cli.console import Json, local_time, run, run_as, say, show_json

app = typer.Typer(help="让机器人在群里不说话（silence）", no_args_is_help=True)
As = Annotated[str, typer.Option("--as", help="谁在操作（officers add 登记过的名字）")]
OfGroup = Annotated[str | None, typer.Option("--group", metavar="CODE", help="只管这一个群")]

_WORDS = {
    "muted": "静音",
    "handed_over": "找了民警，机器人不插话",
    "stopped": "全部静音",
    "unwelcome": "嫌烦，跳过下一条推送",
}


@app.command("on")
def on(officer: As, group: OfGroup = None, as_json: Json = False) -> None:
    """静音：群里不回答、不推送；紧急情况、私聊照常。Silence every group at once, or one."""
    changed = _switch(officer, group, silent=True)
    if as_json:
        show_json({"group": group, "silent": True, "changed": changed})
        return
    say(f"{group or '所有群'}{'静音了' if changed else '本来就静音着'}，紧急情况和私聊照常")


@app.command("off")
def off(officer: As, group: OfGroup = None, as_json: Json = False) -> None:
    """恢复说话。老师自己静音的群不动，要加 --group。Let the bot speak again."""
    changed = _switch(officer, group, silent=False)
    if as_json:
        show_json({"group": group, "silent": False, "changed": changed})
        return
    say(f"{group or '所有群'}{'恢复了' if changed else '本来就没有静音'}")


@app.command("show")
def show(as_json: Json = False) -> None:
    """看哪里静音着，是谁、从什么时候起。Show where the bot keeps quiet."""
    from warden_bot.environment import settings_from_here
    from warden_bot.kit import open_kit
    from warden_bot.store.hushes import hushes_of_groups

    settings = settings_from_here()

    async def work() -> list[dict[str, Any]]:
        async with open_kit(settings) as kit, kit.database.read() as session:
            return [one.as_json() for one in await hushes_of_groups(session, kit.clock())]

    rows = run(work())
    if as_json:
        show_json(rows)
        return
    for row in rows:
        until = f"，到 {local_time(row['until'], settings.zone)}" if row["until"] else ""
        since = local_time(row["made_at"], settings.zone)
        say(f"{row['group'] or '所有群'}\t{_WORDS[row['reason']]}\t{row['made_by']}\t从 {since}{until}")
    if not rows:
        say("没有静音的群")


def _switch(officer: str, group: str | None, *, silent: bool) -> bool:
    from warden_bot.environment import settings_from_here
    from warden_bot.handlers.manners import silence, speak_again

    switch = silence if silent else speak_again
    return run_as(officer, settings_from_here(), lambda session, kit, who: switch(session, who, group, kit.clock()))
