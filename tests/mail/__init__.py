"""The mail corpus: hostile and odd mails, each with the decision the rules demand.

A mail is NAME.eml (the bytes that arrive, after dot-unstuffing) beside NAME.json (story, envelope, expectation); what
is large or repetitive is built by `bombs`. Every expectation holds in one world, with a fresh store for each mail:

- gateway domain mail.kommo.com; options at their defaults (copy_policy cc, strangers accept); peer loopback;
- account `acme`: owner dimas@acme.example, user ana@acme.example, own domain acme.example, and the known contact
  bob@bluefin.example named "Bob Miller";
- account `beta`: owner eva@beta.example, own domain beta.example.
"""

from __future__ import annotations

import json
from pathlib import Path

from tests.mail.bombs import bombs
from tests.mail.compare import differences
from tests.mail.sample import Expectation, Sample, Twin

__all__ = ["FOLDER", "Expectation", "Sample", "Twin", "corpus", "differences"]

FOLDER = Path(__file__).parent


def corpus() -> list[Sample]:
    """Every mail of the corpus, files first, each in the order of its name."""
    files = [Sample.of(path.stem, path.read_bytes(), _twin(path)) for path in sorted(FOLDER.glob("*.eml"))]
    return files + [Sample.of(name, raw, twin) for name, (raw, twin) in sorted(bombs().items())]


def _twin(path: Path) -> Twin:
    twin: Twin = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    return twin
