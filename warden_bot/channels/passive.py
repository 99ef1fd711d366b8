"""A reply that has to fit into the one answer to a callback: there is no second part."""

from warden_bot.domain.splitting import split_text

CUT = "\n（太长了，没有发完。要找民警请发“人工”，急事打110。）"


def fit(text: str, longest: int) -> str:
    """Cut a reply of more than `longest` bytes at a line or a sentence, and say so; our own are much shorter."""
    text = text.strip()
    if len(text.encode()) <= longest:
        return text
    numbered = split_text(text, longest - len(CUT.encode()))[0]
    return numbered.partition("\n")[2] + CUT
