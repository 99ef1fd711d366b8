"""`tips`: what hangs at the gate, so that people find the public form."""

from pathlib import Path
from typing import Annotated

import typer

from warden_bot.cli.console import refuse, say, warn

app = typer.Typer(help="线索网页（the public form）", no_args_is_help=True)
LONGEST_GATE = 20


@app.callback()
def tips() -> None:
    """线索网页。The public form for tips."""


@app.command("poster")
def poster(
    out: Annotated[Path, typer.Option(help="写到哪里：.html 是可打印的海报，.svg 只有二维码")],
    gate: Annotated[str, typer.Option(help="贴在哪个门，如 北门；会跟线索一起给民警看")] = "",
) -> None:
    """做一张扫码举报的海报，中英文，打印后贴在校门口。Write a printable poster with the form's QR code."""
    from urllib.parse import quote

    import segno
    from markupsafe import Markup

    from warden_bot.environment import settings_from_here
    from warden_bot.web.relay import TEMPLATES

    if out.suffix not in (".html", ".svg"):
        raise refuse("--out 要以 .html 或 .svg 结尾")
    if len(gate.strip()) > LONGEST_GATE:
        raise refuse(f"--gate 最多 {LONGEST_GATE} 个字")
    settings = settings_from_here()
    if not settings.public_url:
        warn("没有设 WARDEN_PUBLIC_URL，别人的手机打不开这个网址，先别贴出去")
    where = gate.strip()
    address = f"{settings.base_url}/tip" + (f"?gate={quote(where)}" if where else "")
    code = segno.make(address, error="m", micro=False)
    if out.suffix == ".svg":
        code.save(str(out), scale=10, border=4)
    else:
        drawn = Markup(code.svg_inline(border=4, omitsize=True))  # noqa: S704 -- segno's own shapes, none of our words
        page = TEMPLATES.get_template("tip_poster.html").render(
            gate=where, address=f"{settings.base_url}/tip", code=drawn
        )
        out.write_text(page, encoding="utf-8")
    say(f"写好了：{out}（{address}）")
