"""`cards`: the monthly card of a class, for the head teachers' meeting."""

from typing import Annotated, Any

import typer

from warden_bot.cli.console import Json, run, say, show_json

app = typer.Typer(help="班级卡：班主任联席会用（the monthly card of a class）", no_args_is_help=True)
OfMonth = Annotated[str | None, typer.Option("--month", metavar="2026-11", help="哪个月的")]


@app.command("show")
def show(
    code: Annotated[str, typer.Argument(metavar="CODE", help="群代号")], month: OfMonth = None, as_json: Json = False
) -> None:
    """看一个班的班级卡；不写月份就看最新的。Show a class's card, the newest where no month is named."""
    from warden_bot.environment import settings_from_here
    from warden_bot.handlers.class_card import shown_card
    from warden_bot.kit import open_kit
    from warden_bot.store.columns import iso

    async def work() -> dict[str, Any]:
        async with open_kit(settings_from_here()) as kit, kit.database.read() as session:
            group, found = await shown_card(session, code, month)
            row = {"group": group.code, "name": group.name, "month": found.month}
            return {**row, "text": found.text, "made_at": iso(found.made_at)}

    row = run(work())
    if as_json:
        show_json(row)
        return
    say(row["text"] or f"{row['month']}：没有要说的")


@app.command("make")
def make(month: OfMonth = None, as_json: Json = False) -> None:
    """补做还缺的班级卡；不写月份就做上个月的。Make what is missing now, of the last month where none is named."""
    from warden_bot.content.loading import load_library
    from warden_bot.domain.class_card import month_of
    from warden_bot.environment import settings_from_here
    from warden_bot.errors import FaultsFound
    from warden_bot.handlers.class_card import CardMaking, make_cards, month_wanted
    from warden_bot.kit import open_kit
    from warden_bot.store.class_cards import any_class_without_card

    settings = settings_from_here()

    async def work() -> tuple[str, int]:
        async with open_kit(settings) as kit:
            now = kit.clock()
            today = now.astimezone(settings.zone).date()
            last = str(month_of(today).before)
            wanted = month_wanted(last if month is None else month, settings.zone, now)
            loaded = load_library(settings.content_dir, today)
            if loaded.faults:
                raise FaultsFound(loaded.faults)
            making = CardMaking(loaded.library, kit.channels, kit.sealer, settings.zone, wanted)
            made, more = 0, True
            while more:
                made += await kit.database.write(lambda session: make_cards(session, making, now))
                async with kit.database.read() as session:
                    more = await any_class_without_card(session, str(wanted))
            return str(wanted), made

    about, made = run(work())
    if as_json:
        show_json({"month": about, "made": made})
        return
    say(f"{about}：做了 {made} 张班级卡" if made else f"{about}：没有要补做的")
