r"""How text from outside stands in a checkbox list without becoming part of its structure.

One scheme: *a backslash directly before the character that would act*, as in markdown itself, so the
rendered page shows the text as it was. A run of k backslashes already standing there becomes 2k + 1,
so the escape escapes itself, the count is always odd (an even run would leave markdown's character
alive) and reading is exact: an odd run of m becomes (m - 1) / 2, an even run was never written here
and stays. Nothing else is touched: LaTeX, `$<$30%`, `<30%`, double spaces and curly quotes pass.

What is escaped, and only there:

1. Anywhere: `<` that opens an HTML tag, comment, declaration or instruction (`<details>`, `</b>`,
   `<!--`, `<?`): a name counts when white space, `/`, `>` or the end of the line follows it
   (CommonMark 6.6 and the start conditions of HTML blocks, 4.6).
2. At the head of a line of an abstract, behind blanks: headings, tick lines, the fields of a block,
   rules and underlines of headings (`---`, `===`), `> why:`, merge conflict markers, code fences.
3. In a tick line without a link: the last `|` when what follows it looks like a link.

Every function is total and, on text it wrote itself, exactly inverted by its counterpart.
"""

from __future__ import annotations

import re

__all__ = ["escape_abstract", "escape_line", "escape_tick_title", "split_tick", "unescape_abstract", "unescape_line"]

# `(?<!\\)` keeps the run maximal, and the search linear on a text of nothing but backslashes.
_TAG = re.compile(r"(?<!\\)(\\*)(?=<(?:/?[A-Za-z][A-Za-z0-9-]*(?:[\s/>]|\Z)|[!?]))")

_HEAD = re.compile(
    r"""([ \t]*)(\\*)(?=
      \#{1,6}(?:[ \t]|\Z) | \#\#[0-9]
    | [-*+][ \t]*\[[ \tx✓✔☑√]{0,3}\]
    | [-*+][ \t]+\*\*(?:Link|Conference|Year|Type)\b
    | (?:-[ \t]*){3,}\Z | (?:\*[ \t]*){3,}\Z | (?:_[ \t]*){3,}\Z | -+[ \t]*\Z | =+[ \t]*\Z
    | >[ \t]*why:
    | <{7} | >{7} | \|{7} | ={7}
    | `{3} | ~{3}
    )""",
    re.VERBOSE | re.IGNORECASE,
)
_ACTING = frozenset("#-*+_=><|`~")
"""The characters a structural line can begin with: a cheap test before the pattern."""

# A link as people type it; no `|` inside, so only the last bar of a line can stand before one.
_LINK = r"<?(?:https?://|www\.)[^\s|<>]+>?|(?:[\w-]+\.)+[a-z]{2,}/[^\s|<>]*"
_BAR = re.compile(rf"(?<!\\)(?P<run>\\*)\|[ \t]*(?P<link>{_LINK})[ \t]*\Z", re.IGNORECASE)


def _longer(run: str) -> str:
    return "\\" * (2 * len(run) + 1)


def _shorter(run: str) -> str:
    return "\\" * (len(run) // 2) if len(run) % 2 else run


def escape_line(text: str) -> str:
    """One line of text with rule 1 applied."""
    return _TAG.sub(lambda m: _longer(m[1]), text) if "<" in text else text


def unescape_line(text: str) -> str:
    """The inverse of `escape_line`; text nobody escaped stays as it is."""
    return _TAG.sub(lambda m: _shorter(m[1]), text) if "\\" in text and "<" in text else text


def escape_abstract(text: str) -> str:
    """An abstract, lines divided by `\\n`, with rules 1 and 2 applied to each line."""
    return "\n".join(_escape_head(escape_line(line)) for line in text.split("\n"))


def _escape_head(line: str) -> str:
    if line.lstrip(" \t\\")[:1] not in _ACTING or not (found := _HEAD.match(line)):
        return line
    return found[1] + _longer(found[2]) + line[found.end() :]


def unescape_abstract(text: str) -> str:
    """The inverse of `escape_abstract`; text nobody escaped stays as it is."""
    if "\\" not in text:
        return text
    return "\n".join(unescape_line(_unescape_head(line)) for line in text.split("\n"))


def _unescape_head(line: str) -> str:
    found = _HEAD.match(line) if line.lstrip(" \t")[:1] == "\\" else None
    return found[1] + _shorter(found[2]) + line[found.end() :] if found else line


def escape_tick_title(title: str, *, linked: bool) -> str:
    """A title for a tick line; without a link behind it (`linked`) its last bar may need rule 3."""
    text = escape_line(title)
    found = None if linked else _BAR.search(text)
    return text[: found.start()] + _longer(found["run"]) + text[found.end("run") :] if found else text


def split_tick(text: str) -> tuple[str, str | None]:
    """Title and link of a tick line, both as typed; the link is None when there is none.

    The inverse of `escape_tick_title`. Only something that looks like a link counts as one, so a
    title may hold bars of its own.
    """
    text = text.strip()
    found = _BAR.search(text)
    if not found:
        return unescape_line(text), None
    if len(found["run"]) % 2:
        return unescape_line(text[: found.start()] + _shorter(found["run"]) + text[found.end("run") :]), None
    return unescape_line(text[: found.end("run")].strip()), found["link"]
