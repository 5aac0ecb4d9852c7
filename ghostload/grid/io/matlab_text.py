"""MATLAB scripts as statements: comments, continuations and line breaks within brackets are taken out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_UNQUOTED_COMMENT = re.compile(r"""^((?:[^'"%]|(?<=[\w)\]}.'])'|'(?:[^']|'')*'|"[^"]*")*)%.*$""")


@dataclass(frozen=True)
class Statement:
    """One statement without comments and line breaks outside of brackets, and the line on which it starts."""

    text: str
    line: int


def statements_of(text: str) -> list[Statement]:
    """Cut a script into statements; comments, block comments and continuations are taken out."""
    found: list[Statement] = []
    pieces: list[str] = []
    start, depth, block = 1, 0, 0
    for number, raw in enumerate(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), 1):
        bare = raw.strip()
        if bare in ("%{", "#{"):
            block += 1
        if block:
            block -= bare in ("%}", "#}")
            continue
        line = _without_comment(raw)
        if not pieces:
            start = number
        continued = "..." in line and depth == 0
        if "..." in line:
            line = line[: line.index("...")]
        depth = max(depth + _depth_change(line), 0)
        pieces.append(line)
        if depth == 0 and not continued:
            found.extend(Statement(part, start) for part in _split_statements("\n".join(pieces)))
            pieces = []
    if pieces:
        found.append(Statement("\n".join(pieces).strip().rstrip(";"), start))
    return found


def _without_comment(line: str) -> str:
    if "%" not in line:
        return line
    if "'" not in line and '"' not in line:
        return line[: line.index("%")]
    match = _UNQUOTED_COMMENT.match(line)
    return match.group(1) if match else line


def _depth_change(line: str) -> int:
    if "'" in line:
        line = re.sub(r"(?<![\w)\]}])'(?:[^']|'')*'", "", line)
    return sum(line.count(b) for b in "[{(") - sum(line.count(b) for b in "]})")


def _split_statements(text: str) -> Iterator[str]:
    """Cut at semicolons, commas and line ends that stand outside of brackets and quotes."""
    if _is_one_literal(text):
        yield text.strip().rstrip(";").rstrip()
        return
    depth, start, quoted = 0, 0, False
    for at, char in enumerate(text):
        if quoted:
            quoted = char != "'"
        elif char == "'" and not (at and (text[at - 1].isalnum() or text[at - 1] in ")]}_'.")):
            quoted = True
        elif char in "[({":
            depth += 1
        elif char in "])}":
            depth -= 1
        elif depth == 0 and char in ";\n,":
            if text[start:at].strip():
                yield text[start:at].strip()
            start = at + 1
    if text[start:].strip():
        yield text[start:].strip()


def _is_one_literal(text: str) -> bool:
    """Whether this is ``name = [...]`` over many lines; the common case, and too long to walk through."""
    first, _, rest = text.partition("\n")
    last = rest.rpartition("\n")[2].strip().rstrip(";").rstrip()
    head = re.match(r"\s*[\w.]+\s*=\s*[\[{]", first)
    return head is not None and bool(rest) and last.endswith(("]", "}")) and last.count("]") + last.count("}") == 1
