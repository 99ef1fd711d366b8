"""`cases pictures`: what reporters sent along, for an officer who may see it."""

from pathlib import Path
from typing import Annotated

import typer

from warden_bot.cli.cases import As, Code, read_typed
from warden_bot.cli.console import Json, run_as, say, show_json

ENDINGS = {"image/jpeg": "jpg"}


def pictures(
    code: Code,
    officer: As,
    to: Annotated[Path, typer.Option(metavar="FOLDER", help="存到哪个文件夹；用完请删掉")],
    as_json: Json = False,
) -> None:
    """取出线索里的图片：只有这个岗位的人可以，会记下来。Save a case's pictures; role and desk needed, audited."""
    from warden_bot.content.desks import read_desks
    from warden_bot.environment import settings_from_here
    from warden_bot.errors import Refused
    from warden_bot.handlers.chat_pictures import open_pictures

    wanted, settings = read_typed(code), settings_from_here()
    try:
        to.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        raise Refused(f"{to} 不能当文件夹用，换一个") from None
    desks, _ = read_desks(settings.content_dir)
    found = run_as(
        officer,
        settings,
        lambda session, kit, who: open_pictures(session, wanted, who, kit.sealer, kit.clock(), desks),
    )
    paths = []
    for number, (picture, media_type) in enumerate(found, start=1):
        path = to / f"{wanted}-{number}.{ENDINGS.get(media_type, 'bin')}"
        try:
            path.touch(mode=0o600)
            path.write_bytes(picture)
        except OSError:
            raise Refused(f"图片写不进 {to}，换一个文件夹") from None
        paths.append(str(path))
    if as_json:
        show_json({"code": wanted, "pictures": paths})
        return
    for name in paths:
        say(name)
    say(f"共 {len(paths)} 张，已记下是 {officer} 看的" if paths else "这条线索没有图片")
