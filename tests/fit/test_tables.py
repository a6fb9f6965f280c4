"""Tables whose touched rows alone move: against the dense rules, and against a loop over rows."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from pipeline.errors import PipelineError
from pipeline.fit.averaging import Average
from pipeline.fit.loop import Trainer
from pipeline.fit.optimization import Optimizers, clip
from pipeline.params.optimization import Optimization
from tests.systems.blocks import TRAINING

ROWS = [[0, 3, 3], [5, 1, 0], [3, 3, 3], [1, 5, 6], [2, 2, 0]]


class Words(nn.Module):
    """A table and a layer behind it."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.table, self.layer = nn.Embedding(8, 4), nn.Linear(4, 1)
        self.double()

    def forward(self, rows: Tensor) -> Tensor:
        return self.layer(self.table(rows)).sum()  # type: ignore[no-any-return]


def options(**changes: object) -> Optimization:
    given = {"learning_rate": 0.1, "max_epochs": 3, "patience": 3}
    return Optimization.model_validate(TRAINING | given | changes)


def trained(tables: bool, **changes: object) -> dict[str, Tensor]:
    """The weights after three epochs over ROWS; `tables` says whether the table is given as one."""
    network = Words()

    def batches(epoch: int) -> Iterator[Tensor]:
        yield from torch.tensor(ROWS)

    scores = iter([1.0, 2.0, 3.0])
    Trainer(
        network,
        batches,
        lambda rows: network(rows) ** 2,
        lambda: next(scores),
        options(**changes),
        lambda _: None,
        [network.table] if tables else [],
    ).run()
    return dict(network.state_dict())


@pytest.mark.parametrize("averaging", [0.0, 0.5, 0.999])
@pytest.mark.parametrize("clip_norm", [None, 0.1])
@pytest.mark.parametrize("optimizer", ["sgd", "adagrad"])
@pytest.mark.parametrize("accumulate", [1, 2])
def test_rows_by_themselves_move_as_the_dense_rule_moves_them(
    optimizer: str, clip_norm: float | None, averaging: float, accumulate: int
) -> None:
    changes: dict[str, Any] = {
        "optimizer": optimizer,
        "learning_rate": 0.01,
        "clip_norm": clip_norm,
        "averaging": averaging,
        "accumulate": accumulate,
    }
    expected = trained(False, **changes)
    for table in ("dense", "touched"):
        found = trained(True, table=table, **changes)
        torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-9)


def test_adam_moves_the_rows_that_it_reads_and_no_other() -> None:
    """Against Adam written out for each row, whose moments rest while it is not read."""
    network = Words()
    optimizers = Optimizers(network, [network.table], options(table="touched", decay=0.5))
    rows = {row: network.table.weight[row].detach().clone() for row in range(8)}
    first = {row: torch.zeros(4, dtype=torch.float64) for row in rows}
    second = {row: torch.zeros(4, dtype=torch.float64) for row in rows}
    for step, read in enumerate(ROWS, start=1):
        network.zero_grad()
        (network(torch.tensor(read)) ** 2).backward()
        dense = network.table.weight.grad.to_dense()  # type: ignore[union-attr]
        for row in set(read):
            first[row] = 0.9 * first[row] + 0.1 * dense[row]
            second[row] = 0.999 * second[row] + 0.001 * dense[row] ** 2
            size = (second[row] / (1 - 0.999**step)).sqrt() + 1e-8 / (1 - 0.999**step) ** 0.5
            rows[row] = rows[row] - 0.1 / (1 - 0.9**step) * first[row] / size
        optimizers.step()
    torch.testing.assert_close(
        network.table.weight.detach(), torch.stack(list(rows.values())), rtol=1e-6, atol=1e-7
    )
    assert torch.equal(network.table.weight[7], Words().table.weight[7])


def test_the_average_of_resting_rows_is_that_of_every_step() -> None:
    network = Words()
    weight = network.table.weight
    lazy, plain = Average(network, 0.9, [weight]), Average(network, 0.9)
    for read in [*ROWS, *ROWS]:
        held = torch.tensor(sorted(set(read)))
        weight.grad = torch.sparse_coo_tensor(held[None], torch.ones(len(held), 4), (8, 4)).double()
        lazy.before_step()
        with torch.no_grad():
            weight[held] += torch.randn(len(held), 4).double()
            network.layer.weight += 1.0
        lazy.update()
        plain.update()
    own = weight.detach().clone()
    with plain.lent():
        expected = [p.detach().clone() for p in network.parameters()]
    with lazy.lent():
        torch.testing.assert_close(list(network.parameters()), expected)
    assert torch.equal(weight, own)
    with lazy.lent():  # nothing moved in between
        torch.testing.assert_close(list(network.parameters()), expected)


def test_gradients_are_clipped_by_the_norm_of_all() -> None:
    sparse, dense = Words(), Words()
    sparse.table.sparse = True
    for network in (sparse, dense):
        (network(torch.tensor([3, 3, 1])) ** 2).backward()
    expected = nn.utils.clip_grad_norm_(dense.parameters(), 0.01)
    assert expected > 0.01
    clip(sparse.parameters(), 0.01)
    torch.testing.assert_close(sparse.table.weight.grad.to_dense(), dense.table.weight.grad)  # type: ignore[union-attr]
    torch.testing.assert_close(sparse.layer.weight.grad, dense.layer.weight.grad)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"optimizer": "rmsprop"}, "not for rmsprop: set table: dense"),
        ({"optimizer": "sgd", "momentum": 0.9}, "not for sgd: set table: dense"),
        ({"weight_decay": 0.1}, "takes no weight_decay, which moves every row"),
    ],
)
def test_rules_that_move_every_row_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        options(table="touched", **changes)
    assert options(table="dense", **changes)


def test_a_network_without_a_table_cannot_have_its_rows_touched() -> None:
    with pytest.raises(PipelineError, match="this network has no word table"):
        Optimizers(nn.Linear(2, 2), [], options(table="touched"))
