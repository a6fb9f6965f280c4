"""The writer of a feature store takes rows in the order of their keys, and writes shard by shard.

A store is a pure function of the set of images and the fingerprint, byte for byte, however it grew
and wherever a run was killed. A shard is complete or absent, and its file name stands for its
content. So the old store stays whole until `finish` has written the new index; files that the
new index does not list are removed last.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import numpy as np

from pipeline.errors import PipelineError
from pipeline.files import NoRoomError
from pipeline.fingerprint import Fingerprint
from pipeline.store.commits import Held
from pipeline.store.index import make_index, write_index
from pipeline.store.inventory import Inventory
from pipeline.store.keys import (
    WIDTH,
    Keys,
    Part,
    pack,
    parts,
    positions,
    rows_a_shard,
    shards_for,
    unique,
    unpack,
)
from pipeline.store.lock import locked
from pipeline.store.orders import Order
from pipeline.store.plan import Plan
from pipeline.store.rows import fits, stacked

FRAME = 4096  # a shard has at most so many bytes beside its keys and rows


@dataclass(frozen=True)
class Report:
    """What a run did to a store; `str(report)` is a sentence for the terminal.

    Attributes:
        rows: how many images the store holds.
        shards: how many shard files it has.
        added: how many rows are new.
        removed: how many rows were of images that are no longer wanted.
        rewritten: how many shard files this run wrote.
        foreign: how many shard files of another fingerprint this run removed.
        unreadable: for each broken shard file, why it was dropped; its rows were computed anew.
    """

    rows: int
    shards: int
    added: int
    removed: int
    rewritten: int
    foreign: int
    unreadable: tuple[str, ...]

    def __str__(self) -> str:
        lines = [
            f"{self.rows} images in {self.shards} shards: {self.added} added,"
            f" {self.removed} removed, {self.rewritten} shards written"
        ]
        if self.foreign:
            lines.append(f"removed {self.foreign} shards of another fingerprint")
        lines += [f"dropped, and its rows computed anew: {reason}" for reason in self.unreadable]
        return "\n".join(lines)


class Store:
    """The one writer of a store; a second writer, in whatever process, is refused.

    with Store(directory, fingerprint) as store:
        for keys, arrays in compute(store.missing(wanted)):  # in this order
            store.add(keys, arrays)  # a shard is on the disk as soon as its last row is in
        report = store.finish(without=failed)
    """

    def __init__(self, directory: Path, fingerprint: Fingerprint) -> None:
        self.directory = directory
        self.fingerprint = fingerprint
        self._lock = ExitStack()
        self._open: Inventory | None = None
        self._fixed: Plan | None = None
        self._next = 0  # the first position in todo whose row may still come
        self._pending: list[int] = []  # positions in todo of rows whose shard is not full yet
        self._rows: dict[str, list[np.ndarray]] = {name: [] for name in fingerprint.outputs}

    def __enter__(self) -> Store:
        """Take the lock, and list the files that are there.

        Raises:
            PipelineError: if another process writes this store, or if the directory holds files
                that are not those of a store.
        """
        if self.directory.exists() and not self.directory.is_dir():
            raise PipelineError(f"{self.directory}: a file stands where the store should be")
        self.directory.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            stack.enter_context(locked(self.directory.resolve()))
            self._open = Inventory(self.directory, self.fingerprint)
            stack.callback(self._open.close)
            self._lock = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._open = None
        self._lock.close()

    def missing(self, keys: Iterable[str]) -> list[str]:
        """The keys that have no row yet, ascending; it may be called once.

        Args:
            keys: the sha256 of all images that the store shall hold, in any order.
        """
        if self._fixed is not None:
            raise ValueError("missing is called once")
        wanted = unique(pack(keys))
        of = self._shards_for(len(wanted))
        divided = parts(wanted, of, self.fingerprint.digest)
        self._open_sources(divided.values())
        self._fixed = Plan(wanted, divided, of, self._inventory.keys())
        return list(self._fixed.listed)

    def add(self, keys: Sequence[str], arrays: Mapping[str, np.ndarray]) -> None:
        """Hand in rows; a shard is written as soon as its last row has come.

        Args:
            keys: (b,), over all calls in the order of `missing`; images that gave no row are left
                out.
            arrays: for each output b rows (see `pipeline.store.rows`), in its declared dtype.

        Raises:
            ValueError: if keys, their order, shapes or dtypes are not as described.
            NoRoomError: if the disk is full; the shards written so far are kept.
        """
        plan = self._plan
        self._check(len(keys), arrays)
        for row, key in enumerate(keys):
            at = bisect_left(plan.listed, key, self._next)
            if at == len(plan.listed) or plan.listed[at] != key:
                raise ValueError(f"{key} is not missing, or comes out of order")
            if self._pending and plan.numbers[self._pending[0]] != plan.numbers[at]:
                self._commit()
            self._pending.append(at)
            for name, waiting in self._rows.items():
                waiting.append(np.array(arrays[name][row]))  # a copy: the batch may be used again
            self._next = at + 1
            if self._next == len(plan.numbers) or plan.numbers[self._next] != plan.numbers[at]:
                self._commit()

    def orders(self) -> Iterator[Order]:
        """Yield an order for each shard that lacks rows, in the order of their keys."""
        for part, missing in self._plan.by_shard():
            yield Order(self.directory.resolve(), part, missing, self._inventory.sources(part))

    def receive(self, shards: Iterable[Held]) -> None:
        """Take over the shards of orders that others have carried out."""
        for held in shards:
            self._inventory.wrote(held)

    def finish(self, without: Collection[str] = ()) -> Report:
        """Make the store hold exactly the wanted images, write its index, and remove other shards.

        Args:
            without: wanted images that could not be computed.

        Raises:
            PipelineError: if any other wanted image has no row.
            NoRoomError: if the disk is full; the shards written so far are kept.
        """
        plan, inventory = self._plan, self._inventory
        self._commit()
        with self.room():
            inventory.settle()
        final, divided = plan.wanted, plan.parts
        if without:
            final = final[positions(final, unique(pack(without))) < 0]
            divided = parts(final, self._shards_for(len(final)), self.fingerprint.digest)
        self._open_sources(divided.values())
        self._demand(final)
        for part in inventory.lacking(divided.values()):
            with self.room():
                inventory.write(part, (final[:0], {}))  # all its rows are copied
        with self.room():
            inventory.settle()
        names = [part.name for part in divided.values()]
        held = [inventory.held[name] for name in names]
        index = make_index([(shard.name, shard.size, shard.keys) for shard in held])
        write_index(self.directory, index, self.fingerprint)
        inventory.prune(names)
        return Report(
            rows=len(final),
            shards=len(names),
            added=int((positions(final, plan.before) < 0).sum()),
            removed=int((positions(plan.before, final) < 0).sum()),
            rewritten=inventory.written,
            foreign=len(inventory.foreign),
            unreadable=tuple(sorted(inventory.unreadable.values())),
        )

    @property
    def _inventory(self) -> Inventory:
        if self._open is None:
            raise ValueError("a store is written inside its with block")
        return self._open

    @property
    def _plan(self) -> Plan:
        if self._fixed is None:
            raise ValueError("missing comes first")
        return self._fixed

    def _shards_for(self, rows: int) -> int:
        return shards_for(rows, rows_a_shard(self.fingerprint.outputs.values()))

    def _open_sources(self, wanted: Iterable[Part]) -> None:
        """Open the files from which rows will be copied into the shards that must be written.

        A file that turns out broken leaves the inventory, so that its rows count as missing.
        """
        for part in self._inventory.lacking(wanted):
            self._inventory.sources(part)

    def _demand(self, keys: Keys) -> None:
        absent = keys[positions(keys, self._inventory.keys()) < 0]
        if len(absent):
            broken = "".join(f"; {reason}" for reason in self._inventory.unreadable.values())
            raise PipelineError(
                f"{self.directory}: {len(absent)} wanted images have no row, the first is"
                f" {unpack(absent[:1])[0]}{broken}. Run the extraction again"
            )

    def _check(self, count: int, arrays: Mapping[str, np.ndarray]) -> None:
        outputs = self.fingerprint.outputs
        if arrays.keys() != outputs.keys():
            raise ValueError(f"rows of {sorted(arrays)} given, of {sorted(outputs)} declared")
        for name, output in outputs.items():
            found = arrays[name]
            if not fits(output, found, count):
                raise ValueError(
                    f"{name}: {found.dtype}{found.shape} given,"
                    f" {output.dtype}{(count, *output.shape)} declared"
                )

    def _commit(self) -> None:
        """Write the shard in hand, from the rows that wait and wanted rows of older shards."""
        if not self._pending:
            return
        plan = self._plan
        number = plan.numbers[self._pending[0]]
        outputs = self.fingerprint.outputs
        rows = {name: stacked(outputs[name], waiting) for name, waiting in self._rows.items()}
        fresh = (plan.todo[self._pending], rows)
        with self.room():
            self._inventory.write(plan.parts[number], fresh)
        self._pending.clear()
        for waiting in self._rows.values():
            waiting.clear()

    @contextmanager
    def room(self) -> Iterator[None]:
        """Add to the message of a full disk how much the whole run needs."""
        try:
            yield
        except NoRoomError as error:
            lacking = self._inventory.lacking(self._plan.parts.values())
            rows = sum(len(part.keys) for part in lacking)
            row = sum(output.about_bytes for output in self.fingerprint.outputs.values())
            needed = rows * (row + WIDTH) + len(lacking) * FRAME
            raise NoRoomError(
                f"{error} In all, {rows} rows in {len(lacking)} shards are still to be written:"
                f" about {needed:,} bytes. The shards written so far are kept."
            ) from error
