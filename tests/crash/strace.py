"""What a process asks of the kernel, as strace tells it: each call with its bytes, its beginning and its end."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

WATCHED = (
    "open,openat,creat,close,dup,dup2,dup3,write,pwrite64,writev,pwritev,pwritev2,sendfile,copy_file_range,ftruncate,"
    "truncate,fallocate,fsync,fdatasync,sync,sync_file_range,mkdir,mkdirat,rmdir,link,linkat,symlink,symlinkat,unlink,"
    "unlinkat,rename,renameat,renameat2,sendto"
)
_CALL = re.compile(r"(\d+) +(\w+)\((.*)")
_RESUMED = re.compile(r"(\d+) +<\.\.\. (\w+) resumed>(.*)")
_RESULT = re.compile(r"\) += (-?\d+)")
_TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
_NUMBER = re.compile(r"-?\d+")
Argument = bytes | int | str


@dataclass(frozen=True, slots=True)
class Call:
    """One end of one system call: arguments at its beginning, the result as well at its end.

    Arguments are bytes where strace shows a string, numbers, or words as they stand (flags, AT_FDCWD).
    """

    thread: int
    name: str
    arguments: tuple[Argument, ...]
    result: int | None = None


@contextmanager
def listening(folder: Path, name: str) -> Iterator[tuple[tuple[str, ...], Path]]:
    """The words before a command that let strace watch it, and the file that holds what it said once this is left.

    strace stands beside the process, so signals reach the process itself, and a kill of its group only that.
    """
    pipe, file = folder / f"{name}.pipe", folder / f"{name}.strace"
    os.mkfifo(pipe)
    with file.open("wb") as out, subprocess.Popen(["cat", str(pipe)], stdout=out) as reader:
        options = ("-DDD", "-f", "--seccomp-bpf", "-qq", "-xx", "-s", str(1 << 26), "-e", f"trace={WATCHED}")
        yield ("strace", *options, "-e", "signal=none", "-o", str(pipe), "--"), file
        reader.wait()
    pipe.unlink()


def calls(file: Path) -> Iterator[Call]:
    """Beginnings and ends in the order in which they happened; a call that nothing came between gives both at once."""
    begun: dict[int, Call] = {}
    with file.open(encoding="ascii") as lines:
        for line in lines:
            if resumed := _RESUMED.match(line):
                thread, rest = int(resumed[1]), resumed[3]
                call = begun.pop(thread)
                yield _end(call, rest)
            elif call_ := _CALL.match(line):
                head, unfinished, _ = call_[3].partition(" <unfinished ...>")
                call = Call(int(call_[1]), call_[2], _arguments(head))
                yield call
                if unfinished:
                    begun[call.thread] = call
                else:
                    yield _end(call, line)


def _end(call: Call, text: str) -> Call:
    """The end of a call; a process that ends in it has no result (`= ?`)."""
    found = _RESULT.search(text, max(0, len(text) - 200))
    return Call(call.thread, call.name, call.arguments, int(found[1]) if found else -1)


def _arguments(text: str) -> tuple[Argument, ...]:
    """Reads arguments; what stands behind the last bracket is the result."""
    found: list[Argument] = []
    at = 0
    while at < len(text) and text[at] != ")":
        if quoted := _TEXT.match(text, at):
            found.append(bytes.fromhex(quoted[1].replace("\\x", "")))
            at = quoted.end()
        else:
            word = re.compile(r"[^,)]*").match(text, at)
            assert word is not None
            found.append(int(word[0]) if _NUMBER.fullmatch(word[0]) else word[0])
            at = word.end()
        at += len(text[at:]) - len(text[at:].lstrip(", "))
    return tuple(found)
