"""format=flowed: paragraphs that a mailer broke into lines, put together again (RFC 3676)."""

from __future__ import annotations


def unflow(text: str, *, delsp: bool) -> str:
    """The text with its paragraphs on one line each, quotes of every depth apart.

    A line that ends with a blank goes on in the next one of the same quote depth (section 4.1); with DelSp that blank
    is no part of the text. The blank that stuffs a line is taken off (4.4), but one stays before what would look like
    a quote. A signature's line `-- ` is never joined with anything (4.3); an empty line ends what went on.
    """
    done: list[str] = []
    going: list[str] = []
    going_depth = 0

    def end() -> None:
        if going:
            done.append(_line(going_depth, "".join(going).rstrip(" ")))
            going.clear()

    for line in text.split("\n"):
        depth = len(line) - len(line.lstrip(">"))
        own = line[depth:].removeprefix(" ")
        if depth != going_depth or own in ("", "-- "):
            end()
        if own != "-- " and own.endswith(" "):
            going.append(own[:-1] if delsp else own)
            going_depth = depth
        elif going:
            going.append(own)
            end()
        else:
            done.append(_line(depth, own))
    end()
    return "\n".join(done)


def _line(depth: int, own: str) -> str:
    if not depth:
        return f" {own}" if own.startswith(">") else own
    return f"{'>' * depth} {own}" if own else ">" * depth
