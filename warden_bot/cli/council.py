"""`council`: what the station asks in the council hall, and what people said to it."""

from typing import Annotated, Any

import typer

from warden_bot.cli.console import Json, run, run_as, say, show_json
from warden_bot.cli.lessons import read_library

app = typer.Typer(help="网上议事厅（council）", no_args_is_help=True)
STATES = {"coming": "还没开始", "open": "正在听", "closed": "已截止，还没答复", "answered": "已答复"}


@app.command("list")
def list_questions(as_json: Json = False) -> None:
    """列出议题。List the questions."""
    from warden_bot.environment import settings_from_here
    from warden_bot.handlers.council import list_questions as list_here
    from warden_bot.kit import open_kit

    settings = settings_from_here()
    library = read_library(settings)

    async def work() -> list[dict[str, Any]]:
        async with open_kit(settings) as kit, kit.database.read() as session:
            return await list_here(session, library, kit.clock().astimezone(settings.zone).date())

    rows = run(work())
    if as_json:
        show_json(rows)
        return
    for row in rows:
        say(f"{row['question']}\t{row['title']}\t{STATES[row['status']]}\t{row['closes']} 截止\t意见 {row['opinions']}")
    say(f"共 {len(rows)} 个议题")


@app.command("read")
def read(
    name: Annotated[str, typer.Argument(metavar="NAME", help="议题的名字（content/council/ 里的文件名）")],
    officer: Annotated[str, typer.Option("--as", help="谁在看（officers add 登记过的名字）")],
    as_json: Json = False,
) -> None:
    """看收到的意见：只有值班民警和所长可以，会记下来。Read the opinions; audited."""
    from warden_bot.environment import settings_from_here
    from warden_bot.handlers.council import read_opinions

    settings = settings_from_here()
    library = read_library(settings)
    rows = run_as(
        officer,
        settings,
        lambda session, kit, who: read_opinions(session, library, name, who, kit.sealer, settings.zone, kit.clock()),
    )
    if as_json:
        show_json({"question": name, "opinions": rows})
        return
    for row in rows:
        say(f"{row['day']}\t{row['text']}")
    say(f"共 {len(rows)} 条，已记下是 {officer} 看的")
