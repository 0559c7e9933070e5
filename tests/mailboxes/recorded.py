"""Whole dialogs with servers of other makers, as text: `scripts/NAME.imap`, to be played by `transcripts`.

`S: ` and `C: ` lines and the acts are those of `transcripts`; `#` begins a comment. A server's line that ends in `{}`
has a literal (RFC 9051 section 4.3): the lines below that begin with `| `, each ended by CR LF; the server's next line
goes on behind it.
"""

from __future__ import annotations

from pathlib import Path

from tests.mailboxes.transcripts import Step, literal

FOLDER = Path(__file__).parent / "scripts"
_SAYS, _HOLDS = "S: ", "|"


def script(name: str) -> list[Step]:
    """The steps of a recorded dialog."""
    steps: list[Step] = []
    opened, held = "", b""
    for line in [*FOLDER.joinpath(f"{name}.imap").read_text("utf-8").splitlines(), "# end"]:
        if opened and line.startswith(_HOLDS):
            held += line[2:].encode() + b"\r\n"
            continue
        if opened:
            steps.append(opened.encode() + literal(held))
            opened, held = "", b""
        if line.endswith("{}") and line.startswith(_SAYS):
            opened = line[len(_SAYS) : -2]
        elif line.strip() and not line.startswith("#"):
            steps.append(line)
    return steps
