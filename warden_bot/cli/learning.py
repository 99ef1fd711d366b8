"""`questions`: what families asked and got no good answer to; an editor gives it to a topic or sets it aside."""

from typing import Annotated, Any

import typer

from warden_bot.cli.console import Json, run, say, show_json

LARGEST = 2**63 - 1  # what a database can count to
app = typer.Typer(help="没答好的问题（questions）", no_args_is_help=True)
As = Annotated[str, typer.Option("--as", help="哪位编辑或所长（officers add 登记过的名字）")]
Number = Annotated[int, typer.Argument(metavar="ID", min=1, max=LARGEST, help="问题的编号，questions list 里有")]
STATES = {"open": "", "attached": "已归到", "dismissed": "不用答"}
NO_WORDS = "（加 --as 才看得到原话）"


@app.command("list")
def list_all(
    reader: Annotated[str | None, typer.Option("--as", help="哪位编辑或所长；不写就看不到原话")] = None,
    every: Annotated[bool, typer.Option("--all", help="处理过的也列出来")] = False,
    as_json: Json = False,
) -> None:
    """列出没答好的问题，相近的排在一起，问得多的在前。List what was not answered well, alike ones together."""
    from warden_bot.environment import settings_from_here
    from warden_bot.handlers.learning import list_questions
    from warden_bot.kit import open_kit

    async def work() -> list[dict[str, Any]]:
        async with open_kit(settings_from_here()) as kit, kit.database.read() as session:
            return await list_questions(session, kit.sealer, reader, every=every)

    rows = run(work())
    if as_json:
        show_json(rows)
        return
    group = 0
    for row in rows:
        if row["group"] != group:
            group = row["group"]
            say(f"【{group}】共问 {sum(one['times'] for one in rows if one['group'] == group)} 次")
        near = f"像 {row['near_topic']}（{row['near_score']:.2f}）" if row["near_topic"] else "什么也不像"
        state = f"{STATES[row['status']]} {row['topic'] or ''}".strip()
        say(f"  {row['id']}\t{row['times']} 次\t{row['text'] or NO_WORDS}\t{near}\t{state}".rstrip())
    if not rows:
        say("没有要看的问题")


@app.command("attach")
def attach(
    number: Number,
    topic: Annotated[str, typer.Argument(metavar="TOPIC", help="主题编号，如 lost.id-card")],
    editor: As,
    text: Annotated[str, typer.Option("--text", help="换一句意思一样的话：隐去了名字、号码的那句用不了时")] = "",
) -> None:
    """把一个问题归到一个主题：加进问法和测试题，答得变差就不加。Make a question a sample of a topic."""
    from warden_bot.channels.registry import channels_for_looking
    from warden_bot.environment import settings_from_here, utc_now
    from warden_bot.handlers.fitting import campaigns_over_limit
    from warden_bot.handlers.learning import Attachment
    from warden_bot.handlers.learning import attach as attach_question
    from warden_bot.kit import open_kit

    settings = settings_from_here()
    wanted = Attachment(number, topic, editor, text)
    channels = channels_for_looking(utc_now)

    async def work() -> str:
        async with open_kit(settings) as kit:
            now = kit.clock()
            today = now.astimezone(settings.zone).date()
            return await attach_question(
                kit.database,
                kit.sealer,
                settings.content_dir,
                wanted,
                now,
                today,
                lambda library: campaigns_over_limit(library, channels),
            )

    words = run(work())
    say(f"“{words}”已加进 answers/{topic}.md 的问法和 tests/questions.jsonl")


@app.command("dismiss")
def dismiss(number: Number, editor: As) -> None:
    """标一个问题不用答。Say that a question needs no answer."""
    from warden_bot.environment import settings_from_here
    from warden_bot.handlers.learning import dismiss as dismiss_question
    from warden_bot.kit import open_kit
    from warden_bot.store.database import Session

    async def work() -> None:
        async with open_kit(settings_from_here()) as kit:
            now = kit.clock()

            async def write(session: Session) -> None:
                await dismiss_question(session, number, editor, now)

            await kit.database.write(write)

    run(work())
    say(f"问题 {number} 不用答")
