"""`python -m tests.fuzz [TARGET…]`: fuzz each target for FUZZ_SECONDS (600), then keep what reaches new code, small.

Needs atheris (the extra `fuzz`). Findings stand in var/fuzz/TARGET/; the exit status is 1 where there are any.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.fuzz import CORPUS, FOLDER, TARGETS, WORDS, target

ROOT = FOLDER.parent.parent
WORK = ROOT / "var" / "fuzz"
KEPT_BYTES = 75_000
"""So much of a target's corpus is kept."""
_TOO_SLOW_SECONDS = 10


def main(arguments: Sequence[str]) -> int:
    if wrong := [name for name in arguments if name not in TARGETS]:
        print(f"no target {', '.join(wrong)}; there are {', '.join(TARGETS)}", file=sys.stderr)
        return 2
    seconds = int(os.environ.get("FUZZ_SECONDS", "600"))
    found = [name for name in arguments or TARGETS if not _fuzz(name, seconds)]
    for name in found:
        print(f"{name}: a promise is broken, see {WORK / name}", file=sys.stderr)
    return 1 if found else 0


def _fuzz(name: str, seconds: int) -> bool:
    """Whether nothing was found. A finding ends the target's time."""
    folder = WORK / name
    grown, seeds = folder / "corpus", folder / "seeds"
    for made in (grown, seeds):
        made.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(target(name).seeds()):
        (seeds / f"{number:04}").write_bytes(seed)
    (CORPUS / name).mkdir(parents=True, exist_ok=True)
    sound = _run(name, f"-max_total_time={seconds}", str(grown), str(CORPUS / name), str(seeds))
    return sound and _keep(name, grown)


def _keep(name: str, grown: Path) -> bool:
    """Of all inputs the few that reach everything; the largest give way where they are too many."""
    kept, small = CORPUS / name, WORK / name / "small"
    shutil.rmtree(small, ignore_errors=True)
    small.mkdir()
    if not _run(name, "-set_cover_merge=1", str(small), str(kept), str(grown)):
        return False
    shutil.rmtree(kept)
    kept.mkdir()
    room = KEPT_BYTES
    for path in sorted(small.iterdir(), key=lambda one: (one.stat().st_size, one.name)):
        room -= path.stat().st_size
        if room >= 0:
            shutil.copy(path, kept / path.name[:16])
    return True


def _run(name: str, *arguments: str) -> bool:
    """One run of the fuzzer in a process of its own; it starts itself again while it merges, hence the script."""
    script = WORK / name / "run"
    script.write_text(f'#!/bin/sh\ncd "{ROOT}" && exec "{sys.executable}" -m tests.fuzz.guided {name} "$0" "$@"\n')
    script.chmod(0o755)
    options = (
        f"-max_len={target(name).MOST_BYTES}",
        f"-dict={WORDS}",
        f"-timeout={_TOO_SLOW_SECONDS}",
        f"-artifact_prefix={WORK / name}/",
        "-print_final_stats=1",
    )
    return subprocess.run([str(script), *options, *arguments], check=False).returncode == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
