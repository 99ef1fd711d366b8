"""`keys`: which keys seal and open, and sealing everything with the newest."""

from typing import Any

import typer

from warden_bot.cli.console import Json, actor, refuse, run, say, show_json

app = typer.Typer(help="密钥（keys）", no_args_is_help=True)


@app.command("show")
def show(as_json: Json = False) -> None:
    """看有哪些密钥、各封存了多少。Show the keys by their ids, and how much each has sealed."""
    from warden_bot.environment import settings_from_here
    from warden_bot.kit import open_kit
    from warden_bot.store.resealing import sealed_by_key
    from warden_bot.store.spool import Spool

    settings = settings_from_here()

    async def work() -> list[dict[str, Any]]:
        async with open_kit(settings) as kit:
            async with kit.database.read() as session:
                sealed = await sealed_by_key(session)
            spooled = Spool(settings.spool_dir, kit.sealer).sealed_by_key()
            ids = kit.sealer.key_ids
        return [
            {
                "id": one.hex(),
                "held": one in ids,
                "seals": one == ids[0],
                "hashes": one == ids[-1],
                "sealed": sealed.get(one, 0),
                "spooled": spooled.get(one, 0),
            }
            for one in [*ids, *sorted((sealed.keys() | spooled.keys()) - set(ids))]
        ]

    rows = run(work())
    if as_json:
        show_json(rows)
        return
    for row in rows:
        what = [words for key, words in (("seals", "现在用它封存"), ("hashes", "用它比对，不能拿掉")) if row[key]]
        held = "，".join(what) if row["held"] else "没有这把钥匙，打不开"
        spooled = f"，暂存文件 {row['spooled']} 个" if row["spooled"] else ""
        say(f"{row['id']}\t封存了 {row['sealed']} 处{spooled}\t{held}".rstrip())


@app.command("rotate")
def rotate(as_json: Json = False) -> None:
    """用最新的密钥重新封存全部内容；中断了再运行一次就接着做。Seal everything with the newest key."""
    from warden_bot.environment import settings_from_here
    from warden_bot.handlers.keeping_keys import rotate_keys
    from warden_bot.kit import open_kit
    from warden_bot.store.spool import Spool

    settings = settings_from_here()

    async def work() -> tuple[str, dict[str, dict[str, int]]]:
        async with open_kit(settings) as kit:
            spool = Spool(settings.spool_dir, kit.sealer)
            found = await rotate_keys(kit.database, kit.sealer, actor(), kit.clock(), spool)
            return kit.sealer.key_ids[0].hex(), found

    newest, found = run(work())
    unreadable = sum(counts["unreadable"] for counts in found.values())
    if as_json:
        show_json({"newest": newest, "columns": found})
    else:
        for name, counts in found.items():
            if counts["resealed"] or counts["unreadable"]:
                say(f"{name}\t重新封存 {counts['resealed']}\t打不开 {counts['unreadable']}")
        say(f"现在用密钥 {newest}，重新封存了 {sum(counts['resealed'] for counts in found.values())} 处")
    if unreadable:
        raise refuse(f"有 {unreadable} 处用现有的密钥打不开，别再拿掉任何密钥")
