"""The writer of a feature store takes rows in the order of their keys, and writes shard by shard.

A store is a pure function of the set of images and the fingerprint, byte for byte, however it grew
and wherever a run was killed. A shard is complete or absent, and its file name stands for its
content. So the old store stays whole until `finish` has written the new index; files that the
new index does not list are removed last.
"""

from __future__ import annotations

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
from pipeline.store.index import write_index
from pipeline.store.inventory import Inventory
from pipeline.store.keys import (
    WIDTH,
    Hexadecimal,
    contained,
    pack,
    positions,
    rows_a_shard,
    shards_for,
    unique,
    unpack,
)
from pipeline.store.lock import locked
from pipeline.store.orders import Order
from pipeline.store.plan import Plan
from pipeline.store.rows import copied, fits
from pipeline.store.shelf import Shelf

FRAME = 4096  # a shard has at most so many bytes beside its keys and rows


@dataclass(frozen=True)
class Report:
    """What a run did to a store; `str(report)` is a sentence for the terminal.

    Attributes:
        rows: how many rows the store holds, of an image or a post each.
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
            f"{self.rows} rows in {self.shards} shards: {self.added} added,"
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
        self._lot = 0  # the lot in hand: the rows that one shard still lacks
        self._pending: list[np.ndarray] = []  # the positions of its rows that have come
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

    def missing(self, keys: Iterable[str]) -> Sequence[str]:
        """The keys that have no row yet, ascending; it may be called once.

        Args:
            keys: the sha256 of all images that the store shall hold, in any order.
        """
        if self._fixed is not None:
            raise ValueError("missing is called once")
        inventory = self._inventory
        wanted = unique(pack(keys))
        shelf = Shelf(wanted, self._shards_for(len(wanted)), self.fingerprint.digest)
        inventory.aim(shelf)
        self._fixed = Plan(shelf, inventory.holds(wanted), inventory.beside(wanted))
        return Hexadecimal(self._fixed.todo)

    def drops(self) -> bool:
        """Whether `finish` will drop what is there now: rows not asked for, or shards of others."""
        return self._plan.gone > 0 or bool(self._inventory.foreign)

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
        lots = self._plan.lots
        self._check(len(keys), arrays)
        at = positions(pack(keys), lots.keys)  # (b,)
        wrong = at <= np.concatenate([[self._next - 1], at[:-1]])
        if wrong.any():
            key = keys[int(wrong.argmax())]
            raise ValueError(f"{key} is not missing, or comes out of order")
        lot = np.searchsorted(lots.starts, at, side="right") - 1  # (b,)
        for rows in np.split(np.arange(len(at)), np.flatnonzero(np.diff(lot)) + 1):
            if not len(rows):  # an empty batch is one empty part
                continue
            if self._pending and self._lot != lot[rows[0]]:
                self._commit()
            self._lot = int(lot[rows[0]])
            self._pending.append(at[rows])
            for name, waiting in self._rows.items():
                # a copy: the batch may be used again
                waiting.append(copied(arrays[name], rows))
            self._next = int(at[rows[-1]]) + 1
            if self._next == lots.starts[self._lot + 1]:
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
        stays = ~contained(plan.shelf.keys, unique(pack(without)))  # (n,)
        if not stays.all():
            final = plan.shelf.keys[stays]
            inventory.aim(Shelf(final, self._shards_for(len(final)), self.fingerprint.digest))
        self._demand()
        for part in inventory.lacking():
            with self.room():
                inventory.write(part, (part.keys[:0], {}))  # all its rows are copied
        with self.room():
            inventory.settle()
        write_index(self.directory, inventory.target, self.fingerprint)
        inventory.prune()
        return Report(
            rows=int(stays.sum()),
            shards=len(inventory.target),
            added=int((stays & ~plan.had).sum()),
            removed=plan.gone + int((plan.had & ~stays).sum()),
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

    def _demand(self) -> None:
        inventory = self._inventory
        copied = inventory.target.rows(there=False)
        absent = copied[~inventory.holds(copied)]
        if len(absent):
            broken = "".join(f"; {reason}" for reason in inventory.unreadable.values())
            raise PipelineError(
                f"{self.directory}: {len(absent)} wanted rows are not there, the first is"
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
        rows = {name: np.concatenate(waiting) for name, waiting in self._rows.items()}
        fresh = (plan.todo[np.concatenate(self._pending)], rows)
        with self.room():
            self._inventory.write(plan.part_of(self._lot), fresh)
        self._pending.clear()
        for waiting in self._rows.values():
            waiting.clear()

    @contextmanager
    def room(self) -> Iterator[None]:
        """Add to the message of a full disk how much the whole run needs."""
        try:
            yield
        except NoRoomError as error:
            target = self._inventory.target
            rows, shards = len(target.rows(there=False)), int((target.sizes == 0).sum())
            row = sum(output.about_bytes for output in self.fingerprint.outputs.values())
            needed = rows * (row + WIDTH) + shards * FRAME
            raise NoRoomError(
                f"{error} In all, {rows} rows in {shards} shards are still to be written:"
                f" about {needed:,} bytes. The shards written so far are kept."
            ) from error
