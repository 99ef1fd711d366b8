"""What the YAML reader complains of, as an editor who never heard of YAML can mend it: a line, and what to write there."""

import re

PREFIX = "YAML 写法不对："
FULL_WIDTH_COLON = re.compile(r"\s*(?:- )?[A-Za-z_][\w-]*\s*：")
TAB_FIRST = re.compile(r" *\t")
BARE_NAME = re.compile(r"\s*(?:- )?[A-Za-z_][\w-]*(?:\s[^:]*|:\S.*)?$")  # `name value`, `name`, `name:value`
NO_COLON = "少了英文冒号加空格，写成“名字: 值”"
# Parts of the reader's complaints, the first that is found counts.
MEANINGS = (
    ("duplicate key", "这个名字写了两遍"),
    ("unexpected end of stream", "引号只写了一半"),
    ("unknown escape character", "英文双引号里不能有 \\"),
    ("cannot start any token", "这个符号不能放在最前面，整句用英文引号括起来"),
    ("expected ',' or", "括号没有写完，或者少了英文逗号"),
    ("mapping values are not allowed", "上一行少了冒号；或者一句话里有冒号加空格，整句用英文引号括起来"),
    ("expected ':'", NO_COLON),
    ("<document start>", NO_COLON),
    ("<block end>", "和上面几行没有对齐；或者引号后面还有字"),
)
LACKS_COLON = ("mapping values are not allowed", "expected ':'", "<document start>")


def plainly(text: str, problem: str, at: int, begun: int) -> tuple[int, str]:
    """Return on which line, from 0, a text is broken, and how to mend it.

    The reader complains where it could go no further, `at`, of something that it `begun`; the slip is often a line before.
    """
    rows = text.splitlines()
    near = {line: rows[line] for line in (begun, at - 1, at) if 0 <= line < len(rows)}
    for line, row in near.items():
        if FULL_WIDTH_COLON.match(row):
            return line, PREFIX + "“：”要换成英文冒号加空格，写成“名字: 值”"
    if TAB_FIRST.match(near.get(at, "")):
        return at, PREFIX + "行首不能用 Tab，换成空格"
    for line, row in near.items():
        if line < at and BARE_NAME.match(row) and any(part in problem for part in LACKS_COLON):
            return line, PREFIX + NO_COLON
    meaning = next((words for part, words in MEANINGS if part in problem), problem)
    return begun if "end of stream" in problem else at, PREFIX + meaning
