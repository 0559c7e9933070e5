"""The few shapes our pictures are made of, as SVG text: for light and for dark, with words for who can't see them."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

_STYLE = """\
  svg { font: 13px system-ui, sans-serif; }
  .paper { fill: #ffffff; } .ink { fill: #1f2328; } .quiet { fill: #57606a; }
  .grid { stroke: #d8dee4; } .rule { stroke: #57606a; } .head { font-weight: 600; font-size: 15px; }
  .ours { fill: #0969da; stroke: #0969da; } .peer { fill: #bc6c1e; stroke: #bc6c1e; } .span { stroke: #1f2328; }
  .goal { fill: #ffffff; stroke: #1a7f37; stroke-width: 2; }
  .label { fill: #1f2328; font-size: 11px; font-family: monospace; pointer-events: none; }
  .python { fill: #a8cdf5; } .sqlite { fill: #f2c994; } .system { fill: #b6ddb9; } .other { fill: #dccbf0; }
  @media (prefers-color-scheme: dark) {
    .paper { fill: #0d1117; } .ink { fill: #e6edf3; } .quiet { fill: #9198a1; }
    .grid { stroke: #2a3038; } .rule { stroke: #9198a1; }
    .ours { fill: #4493f8; stroke: #4493f8; } .peer { fill: #db9d55; stroke: #db9d55; } .span { stroke: #e6edf3; }
    .label { fill: #f0f3f6; }
    .python { fill: #1d4f8a; } .sqlite { fill: #7d5220; } .system { fill: #23652f; } .other { fill: #59408a; }
    .goal { fill: #0d1117; stroke: #3fb950; }
  }
"""


def picture(title: str, description: str, width: int, height: int, shapes: Iterable[str]) -> str:
    """A whole file. title, description: read aloud where the picture can't be seen (SVG 2, section 5.8)."""
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        'role="img" aria-labelledby="title desc">\n'
        f'<title id="title">{escape(title)}</title>\n<desc id="desc">{escape(description)}</desc>\n'
        f"<style>\n{_STYLE}</style>\n"
        f'<rect class="paper" width="{width}" height="{height}"/>\n'
    )
    return head + "\n".join(shapes) + "\n</svg>\n"


def text(x: float, y: float, words: str, kind: str = "ink", anchor: str = "start") -> str:
    """Words on a base line; anchor: start, middle or end."""
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'


def line(x1: float, y1: float, x2: float, y2: float, kind: str, thick: float = 1) -> str:
    """A straight line; thick: in pixels."""
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke-width="{thick:g}"/>'


def bar(x: float, y: float, width: float, height: float, kind: str, told: str = "") -> str:
    """A rectangle; told: shown where somebody points at it."""
    place = f'x="{x:.1f}" y="{y:.1f}" width="{max(width, 0.1):.1f}" height="{height:.1f}"'
    return f'<rect class="{kind}" {place}>{_told(told)}</rect>'


def dot(x: float, y: float, radius: float, kind: str, told: str = "") -> str:
    """A circle; told: shown where somebody points at it."""
    return f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}">{_told(told)}</circle>'


def diamond(x: float, y: float, half: float, kind: str, told: str = "") -> str:
    """A square on its corner."""
    points = f"{x:.1f},{y - half:.1f} {x + half:.1f},{y:.1f} {x:.1f},{y + half:.1f} {x - half:.1f},{y:.1f}"
    return f'<polygon class="{kind}" points="{points}">{_told(told)}</polygon>'


def whisker(x1: float, x2: float, y: float, half: float, kind: str) -> str:
    """A range with a cap at each end."""
    return "".join(
        (line(x1, y, x2, y, kind), line(x1, y - half, x1, y + half, kind), line(x2, y - half, x2, y + half, kind))
    )


def _told(words: str) -> str:
    return f"<title>{escape(words)}</title>" if words else ""
