"""Replays the system calls of a process onto the model of a disk, and notes each acknowledgement as it leaves."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath

from tests.crash.disk import Change, File, Folder, Node, sync
from tests.crash.strace import Argument, Call

_ACKNOWLEDGED = re.compile(rb"^250 [^\r\n]*\bid=(\w+)", re.MULTILINE)
UNNAMED = "unnamed"
Ignored = Callable[[str], bool]
"""Whether a sync of the file or folder at a path is taken for nothing: what a server without it would do.

A file that was opened without a name has `UNNAMED` for one, in the folder where it was opened.
"""


class UnknownCallError(Exception):
    """A call that the model doesn't know touched the store: its images would prove nothing."""


@dataclass(slots=True)
class _Open:
    """One descriptor. path: where it was opened."""

    node: Node
    path: str
    at: int = 0


class Replay:
    """The disk below one folder, which is empty and certain at first, and what the server has acknowledged.

    Feed it with the calls of one process after another; say `next_process` in between. changes: rises with each.
    """

    def __init__(self, root: str, working: str, ignored: Ignored = lambda path: False) -> None:
        self.disk = Folder()
        self.acknowledged: set[str] = set()
        self.changes = 0
        self._root, self._working, self._ignored = PurePosixPath(root), working, ignored
        self._open: dict[int, _Open] = {}
        self._running: dict[int, list[tuple[Node, Change]]] = {}
        self._syncing: dict[int, tuple[Node, list[Change]]] = {}

    def next_process(self) -> None:
        """The process has ended; whatever it began has happened."""
        for began in self._running.values():
            for _, change in began:
                change.done = True
        self._open, self._running, self._syncing = {}, {}, {}

    def feed(self, call: Call) -> None:
        """One beginning or end of a call."""
        steps = _BEGINNINGS if call.result is None else _ENDS
        step = steps.get(call.name)
        if step is not None:
            step(self, call)
        elif call.result is None and call.name not in _ENDS:
            self._refuse_unknown(call)
        if call.result is not None:
            for node, change in self._running.pop(call.thread, ()):
                change.done = True
                if call.result < 0:
                    node.pending.remove(change)

    # Names

    def _place(self, path: Argument, base: Argument = "AT_FDCWD") -> PurePosixPath | None:
        """A path relative to the root; None outside it."""
        assert isinstance(path, bytes)
        whole = PurePosixPath(self._working) / path.decode()
        if base != "AT_FDCWD" and not path.startswith(b"/"):
            assert isinstance(base, int)
            if base not in self._open:
                return None
            whole = PurePosixPath(self._open[base].path) / path.decode()
        return whole.relative_to(self._root) if whole.is_relative_to(self._root) else None

    def _node(self, place: PurePosixPath) -> Node | None:
        node: Node | None = self.disk
        for part in place.parts:
            node = node.seen().get(part) if isinstance(node, Folder) else None
        return node

    def _name(self, call: Call, place: PurePosixPath, node: Node | None) -> None:
        """A change of a name, uncertain from now on."""
        folder = self._node(place.parent)
        assert isinstance(folder, Folder), f"{call.name} in {place.parent}, which is no folder"
        self._change(call, folder, Change(names={place.name: node}))

    def _change(self, call: Call, node: Node, change: Change) -> None:
        node.pending.append(change)
        self.changes += 1
        if call.result is None:
            self._running.setdefault(call.thread, []).append((node, change))
        else:
            change.done = True

    # Calls

    def _opened(self, call: Call) -> None:
        base, path, flags = call.arguments[:3] if call.name == "openat" else ("AT_FDCWD", *call.arguments[:2])
        assert call.result is not None
        if call.result < 0:
            return
        self._open.pop(call.result, None)
        place = self._place(path, base)
        if place is None:
            return
        words = str(flags).split("|")
        node = File() if "O_TMPFILE" in words else self._node(place)
        if node is None:
            assert "O_CREAT" in words, f"{place} was opened but never made"
            node = File()
            self._name(call, place, node)
        elif "O_TRUNC" in words and isinstance(node, File):
            self._change(call, node, Change(0))
        where = place / UNNAMED if "O_TMPFILE" in words else place
        self._open[call.result] = _Open(node, str(self._root / where))

    def _close(self, call: Call) -> None:
        self._open.pop(_number(call.arguments[0]), None)

    def _write(self, call: Call) -> None:
        data = call.arguments[1]
        assert isinstance(data, bytes)
        if call.name == "sendto":
            self.acknowledged.update(found.decode() for found in _ACKNOWLEDGED.findall(data))
        opened = self._open.get(_number(call.arguments[0]))
        if opened is None:
            return
        assert isinstance(opened.node, File)
        at = opened.at if call.name == "write" else _number(call.arguments[3])
        opened.at += len(data) * (call.name == "write")
        self._change(call, opened.node, Change(at, data))

    def _written(self, call: Call) -> None:
        data = call.arguments[1]
        assert isinstance(data, bytes)
        if call.thread in self._running and call.result not in {len(data), -1}:
            raise UnknownCallError(f"{call.name} of {len(data)} bytes took {call.result}")

    def _truncate(self, call: Call) -> None:
        opened = self._open.get(_number(call.arguments[0]))
        if opened is not None:
            self._change(call, opened.node, Change(_number(call.arguments[1])))

    def _sync(self, call: Call) -> None:
        opened = self._open.get(_number(call.arguments[0]))
        if opened is not None and not self._ignored(opened.path):
            self._syncing[call.thread] = opened.node, [change for change in opened.node.pending if change.done]

    def _synced(self, call: Call) -> None:
        node, changes = self._syncing.pop(call.thread, (self.disk, []))
        if call.result == 0 and changes:
            sync(node, changes)
            self.changes += 1

    def _make_folder(self, call: Call) -> None:
        place = self._place(call.arguments[-2])
        if call.result == 0 and place is not None:
            self._name(call, place, Folder())

    def _remove(self, call: Call) -> None:
        base, path = call.arguments[:2] if call.name == "unlinkat" else ("AT_FDCWD", call.arguments[0])
        place = self._place(path, base)
        if call.result == 0 and place is not None:
            self._name(call, place, None)

    def _link(self, call: Call) -> None:
        _, source, base, target = call.arguments[:4]
        place = self._place(target, base)
        if call.result != 0 or place is None:
            return
        assert isinstance(source, bytes)
        own = source.removeprefix(b"/proc/self/fd/")
        if own == source:
            raise UnknownCallError(f"a link from {source!r}")
        self._name(call, place, self._open[int(own)].node)

    def _refuse_unknown(self, call: Call) -> None:
        """Any other call that names something of the store, or a descriptor of it."""
        for argument in call.arguments:
            ours = isinstance(argument, bytes) and self._place(argument) is not None
            if ours or (isinstance(argument, int) and argument in self._open):
                raise UnknownCallError(f"{call.name}{call.arguments}"[:300])


_Step = Callable[[Replay, Call], None]
_BEGINNINGS: dict[str, _Step] = {
    "close": Replay._close,
    "write": Replay._write,
    "pwrite64": Replay._write,
    "sendto": Replay._write,
    "ftruncate": Replay._truncate,
    "fsync": Replay._sync,
    "fdatasync": Replay._sync,
}
_ENDS: dict[str, _Step] = {
    "open": Replay._opened,
    "openat": Replay._opened,
    "write": Replay._written,
    "pwrite64": Replay._written,
    "fsync": Replay._synced,
    "fdatasync": Replay._synced,
    "mkdir": Replay._make_folder,
    "mkdirat": Replay._make_folder,
    "unlink": Replay._remove,
    "unlinkat": Replay._remove,
    "rmdir": Replay._remove,
    "linkat": Replay._link,
}


def _number(argument: Argument) -> int:
    assert isinstance(argument, int), f"{argument!r} is no number"
    return argument
