"""`lessons`: the cloud classroom, and how the classes take part in it."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from warden_bot.cli.console import Json, refuse, run, run_as, say, show_json

if TYPE_CHECKING:
    from warden_bot.content.library import Library
    from warden_bot.kit import Kit
    from warden_bot.settings import Settings
    from warden_bot.store.alerts import Alert
    from warden_bot.store.database import Session
    from warden_bot.store.officers import Officer

app = typer.Typer(help="云课堂（lessons）", no_args_is_help=True)
Name = Annotated[str, typer.Argument(metavar="NAME", help="课的名字（content/lessons/ 里的文件名）")]
Audience = Annotated[str, typer.Option("--audience", help="哪些班，如 grade:高三；不写就是这一课自己的")]


def read_library(settings: "Settings") -> "Library":
    """Return the content; raise FaultsFound when it is broken."""
    from warden_bot.content.loading import load_library
    from warden_bot.environment import utc_now
    from warden_bot.errors import FaultsFound

    loaded = load_library(settings.content_dir, utc_now().astimezone(settings.zone).date())
    if loaded.faults:
        raise FaultsFound(loaded.faults)
    return loaded.library


@app.command("list")
def list_lessons(as_json: Json = False) -> None:
    """列出有哪些课。List the lessons."""
    from warden_bot.environment import settings_from_here

    rows = [
        {
            "lesson": one.lesson,
            "title": one.title,
            "family": one.family,
            "audience": one.audience.rule,
            "cards": len(one.cards),
            "review_by": one.review_by.isoformat(),
        }
        for one in read_library(settings_from_here()).open_pages.lessons.values()
    ]
    if as_json:
        show_json(rows)
        return
    for row in rows:
        say(f"{row['lesson']}\t{row['title']}\t{row['cards']} 张卡片\t{row['review_by']} 前要核对")
    say(f"共 {len(rows)} 课")


@app.command("links")
def links(name: Name, audience: Audience = "", as_json: Json = False) -> None:
    """每个班打开这一课的网址，交给班主任，不发到群里。Print each class's own address, for its teacher."""
    from warden_bot.domain.audience import parse_audience
    from warden_bot.environment import settings_from_here
    from warden_bot.handlers.lessons import lesson_path, named_lesson
    from warden_bot.kit import links_of, open_kit
    from warden_bot.states import GroupKind
    from warden_bot.store.groups import groups_in_audience

    settings = settings_from_here()
    if not settings.public_url:
        raise refuse("还没写外面能打开的网址，先设 WARDEN_PUBLIC_URL")
    lesson = named_lesson(read_library(settings), name)
    wanted = parse_audience(audience) if audience else lesson.audience

    async def work() -> dict[str, str]:
        async with open_kit(settings) as kit:
            signed, now = links_of(settings, kit.sealer), kit.clock()
            async with kit.database.read() as session:
                groups = [one for one in await groups_in_audience(session, wanted) if one.kind is GroupKind.CLASS]
            return {one.code: settings.base_url + lesson_path(signed, lesson, one, now) for one in groups}

    found = run(work())
    if not found:
        raise refuse(f"没有一个班符合受众“{wanted.rule}”")
    if as_json:
        show_json(found)
        return
    for code, address in found.items():
        say(f"{code}\t{address}")
    say(f"共 {len(found)} 个班；交给班主任，别发到群里")


@app.command("send")
def send(
    name: Name,
    officer: Annotated[str, typer.Option("--as", help="谁在操作（officers add 登记过的名字）")],
    card: Annotated[int, typer.Option("--card", min=1, help="第几张卡片")] = 1,
    audience: Audience = "",
    as_json: Json = False,
) -> None:
    """把一张卡片作为提醒交给所长批准，批准后发到群里。Put one card before the chief as an alert."""
    from warden_bot.environment import settings_from_here
    from warden_bot.handlers.alert_judging import Bench
    from warden_bot.handlers.lessons import named_lesson, send_card

    settings = settings_from_here()
    library = read_library(settings)
    lesson = named_lesson(library, name)

    async def give(session: "Session", kit: "Kit", who: "Officer") -> "Alert":
        bench = Bench(kit.sealer, kit.channels, library, settings.zone, kit.clock())
        return await send_card(session, bench, lesson, card, audience, who)

    alert = run_as(officer, settings, give)
    if as_json:
        show_json({"id": alert.id, "status": alert.status.value})
    else:
        say(f"警报 {alert.id}：等批准（warden-bot alerts approve {alert.id} --as 所长）")


@app.command("participation")
def participation(name: Name, as_json: Json = False) -> None:
    """每个班多少人做过、平均答对几道；少于5人的不显示。Show how each class took part."""
    from warden_bot.environment import settings_from_here
    from warden_bot.handlers.lessons import named_lesson
    from warden_bot.handlers.lessons import participation as participation_here
    from warden_bot.kit import open_kit

    settings = settings_from_here()
    lesson = named_lesson(read_library(settings), name)

    async def work() -> list[dict[str, Any]]:
        async with open_kit(settings) as kit, kit.database.read() as session:
            return await participation_here(session, lesson)

    rows = run(work())
    if as_json:
        show_json(rows)
        return
    for row in rows:
        right = f"\t平均答对 {row['right']}" if row["right"] is not None else ""
        say(f"{row['code']}\t{row['name']}\t{row['answered']}{right}")
    say(f"共 {len(rows)} 个班")
