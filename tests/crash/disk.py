"""A disk as the worst one may be: what was not synced when the power fails is there or not, sector by sector.

The rules, each at least as hard as a real file system's:
- Content is certain once fsync or fdatasync of its file has returned; of what was written since, each sector of 512
  bytes may be there or not, in any order. So may a change of length.
- A name in a folder is certain once fsync of that folder has returned; each change since may be there or not.
- A call that has begun may have taken effect; a sync makes certain what had ended before it began.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

SECTOR = 512


@dataclass(slots=True, eq=False)
class Change:
    """Something that was done to a file or a folder and isn't certain yet. done: its call has ended.

    Of a file: bytes at a place, or with no data a new length. Of a folder: names and what they stand for from then on.
    """

    at: int = 0
    data: bytes | None = None
    names: dict[str, Node | None] = field(default_factory=dict)
    done: bool = False


@dataclass(slots=True, eq=False)
class File:
    """Content that is certain, and changes that are not."""

    content: bytearray = field(default_factory=bytearray)
    pending: list[Change] = field(default_factory=list)

    def apply(self, change: Change) -> None:
        _write(self.content, change)


@dataclass(slots=True, eq=False)
class Folder:
    """Names that are certain, and changes that are not."""

    names: dict[str, Node] = field(default_factory=dict)
    pending: list[Change] = field(default_factory=list)

    def apply(self, change: Change) -> None:
        _rename(self.names, change)

    def seen(self) -> dict[str, Node]:
        """The names as programs see them."""
        names = dict(self.names)
        for change in self.pending:
            _rename(names, change)
        return names


Node = File | Folder


def sync(node: Node, changes: list[Change]) -> None:
    """Makes changes certain, in their order."""
    if not changes:
        return
    chosen = set(map(id, changes))
    for change in changes:
        node.apply(change)
    node.pending[:] = [change for change in node.pending if id(change) not in chosen]


@dataclass(frozen=True, slots=True)
class Chance:
    """Which of the uncertain changes are there after the power failed; every file and folder has its own luck."""

    source: random.Random

    def of_file(self, file: File) -> bytearray:
        content = bytearray(file.content)
        for change in self._survivors(file.pending):
            _write(content, change)
        return content

    def of_folder(self, folder: Folder) -> dict[str, Node]:
        names = dict(folder.names)
        for change in self._survivors(folder.pending):
            _rename(names, change)
        return names

    def _survivors(self, pending: list[Change]) -> Iterator[Change]:
        """None, all, those up to a moment, whole writes here and there, or sectors here and there."""
        if not pending:
            return
        way = self.source.randrange(5)
        if way == 1:
            yield from pending
        elif way == 2:
            yield from pending[: self.source.randrange(len(pending) + 1)]
        elif way >= 3:
            odds = self.source.choice((0.02, 0.1, 0.5, 0.9, 0.98))
            for change in pending:
                for piece in [change] if way == 3 else _sectors(change):
                    if self.source.random() < odds:
                        yield piece


def everything(file: File) -> bytearray:
    """The content as programs see it."""
    content = bytearray(file.content)
    for change in file.pending:
        _write(content, change)
    return content


def lay_out(folder: Folder, target: Path, chance: Chance | None, without: tuple[str, ...] = ()) -> None:
    """Makes the files that are there after the power failed, or, with no chance in it, those that programs see."""
    for name, node in (folder.seen() if chance is None else chance.of_folder(folder)).items():
        if isinstance(node, Folder):
            (target / name).mkdir()
            lay_out(node, target / name, chance, without)
        elif not name.endswith(without):
            (target / name).write_bytes(everything(node) if chance is None else chance.of_file(node))


def _sectors(change: Change) -> Iterator[Change]:
    """A write in the pieces in which a disk takes it: whatever reaches into a sector is one piece."""
    if change.data is None:
        yield change
        return
    begin = 0
    while begin < len(change.data) or begin == 0:
        size = SECTOR - (change.at + begin) % SECTOR
        yield Change(change.at + begin, change.data[begin : begin + size], change.names)
        begin += size


def _write(content: bytearray, change: Change) -> None:
    if change.data is None:
        if change.at <= len(content):
            del content[change.at :]
        else:
            content.extend(bytes(change.at - len(content)))
        return
    if change.at > len(content):
        content.extend(bytes(change.at - len(content)))
    content[change.at : change.at + len(change.data)] = change.data


def _rename(names: dict[str, Node], change: Change) -> None:
    for name, node in change.names.items():
        if node is None:
            names.pop(name, None)
        else:
            names[name] = node
