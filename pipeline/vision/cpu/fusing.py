"""A network as a CPU runs it fastest: convolution, addition and activation in one call of oneDNN.

Between two convolutions a network mostly adds and cuts off at zero: two more passes over maps that
no cache holds. oneDNN does both where the product lies in registers. Its weights are brought into
its own order once, and not in every pass. ResNet-50 runs up to half as fast again in bfloat16.

The network is traced (torch.fx) and its graph rewritten, so none of it is written down here.
In float32 every bit stays; below, a sum is rounded once instead of twice. The calls are those that
torch.compile makes, and begin with an underscore: what they give is held by tests to torch's own.
"""

from __future__ import annotations

import operator
from typing import Any, Literal, TypeGuard

import torch
from torch import Tensor, fx, nn
from torch.nn import functional as F

from pipeline.vision.cpu.processor import onednn_has

ONEDNN: Any = torch.ops.mkldnn

Activation = Literal["none", "relu", "hardtanh"]


class Convolution(nn.Module):
    """activation(convolution(maps) + other), computed in the dtype of the convolution's weights.

    Attributes:
        activation: oneDNN's name of it.
        bounds: of "hardtanh"; else empty.
    """

    def __init__(self, made_of: nn.Conv2d) -> None:
        super().__init__()
        self.activation: Activation = "none"
        self.bounds: list[float] = []
        self._weight = made_of.weight
        self._bias = made_of.bias
        # padding, stride, dilation and groups, as oneDNN's calls want them
        self._form = (made_of.padding, made_of.stride, made_of.dilation, made_of.groups)
        self._packed: Tensor | None = None

    def forward(self, maps: Tensor, other: Tensor | None = None) -> Tensor:
        """(B, C, h, w) to (B, K, h', w'); `other`, of that shape, becomes the result."""
        maps = maps.to(self._weight.dtype)
        if self._packed is None:  # two threads may both do it, to the same end
            self._packed = ONEDNN._reorder_convolution_weight(
                self._weight, *self._form, list(maps.shape)
            )
        given = (maps, self._packed, self._bias, *self._form)
        result: Tensor
        if other is None:
            result = ONEDNN._convolution_pointwise(*given, self.activation, self.bounds, "")
        else:
            activation = None if self.activation == "none" else self.activation
            add = ONEDNN._convolution_pointwise_.binary
            result = add(other, *given, "add", 1.0, activation, self.bounds, "")
        return result


class _Layers(fx.Tracer):
    """Goes down to the layers: modules without parts."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:  # noqa: ARG002
        """Whether `m` is one node of the graph."""
        return not any(True for _ in m.children())


def fuse(network: nn.Module) -> fx.GraphModule:
    """The same function of (B, 3, h, w), of fused convolutions; `network` stays as it is.

    A convolution whose dtype oneDNN lacks on this processor stays torch's own.

    Args:
        network: in evaluation mode, on the CPU; what it does may not depend on what it is given,
            and a sum in place may not be read by the name of its first term (tracing makes a new
            one of it).
    """
    fused = fx.GraphModule(network, _Layers().trace(network))
    for node in list(fused.graph.nodes):
        layer = _layer(node)
        if isinstance(layer, nn.Identity):
            _replace(node, node.all_input_nodes[0])
        elif _plain(layer):
            node.target = f"{node.name}_fused"  # of its own, though a layer be called twice
            fused.add_submodule(node.target, Convolution(layer))
    for node in list(fused.graph.nodes):  # in the order of use: what comes before is fused already
        if node.op == "call_function" and node.target in (operator.add, operator.iadd):
            _fuse_sum(node)
        elif (found := _activation(node)) is not None:
            _fuse_activation(node, *found)
    fused.delete_all_unused_submodules()
    fused.graph.lint()
    fused.recompile()
    return fused


def _plain(layer: nn.Module | None) -> TypeGuard[nn.Conv2d]:
    """Whether it is a convolution that oneDNN computes here, padded alike on both sides with 0."""
    if type(layer) is not nn.Conv2d or layer.padding_mode != "zeros":
        return False
    if isinstance(layer.padding, str):  # "same" may be one pixel more on one side
        return False
    return onednn_has(layer.weight.device, layer.weight.dtype)


def _layer(node: fx.Node) -> nn.Module | None:
    """The module that a node calls."""
    root = node.graph.owning_module
    if node.op != "call_module" or root is None:
        return None
    return root.get_submodule(str(node.target))


def _bare(node: fx.Node) -> Convolution | None:
    """The convolution that a node calls, if it has no activation yet and one node reads it."""
    layer = _layer(node)
    if not isinstance(layer, Convolution) or layer.activation != "none":
        return None
    return layer if len(node.users) == 1 else None


def _fuse_sum(total: fx.Node) -> None:
    """Have one of two terms, a bare convolution, add itself to the other, in the other's memory.

    That is right where the other is a convolution's own maps, which convolutions alone have read
    before and nobody reads after; and where nobody has written to what the moved one reads.
    """
    terms = total.all_input_nodes
    if len(terms) != 2 or total.kwargs:
        return
    for term, other in (terms, terms[::-1]):
        if _bare(term) is None or len(term.args) > 1 or not isinstance(_layer(other), Convolution):
            continue
        source = term.all_input_nodes[0]
        read = [user for user in other.users if user is not total]
        if all(isinstance(_layer(user), Convolution) and user < total for user in read) and all(
            user is term or user < term for user in source.users
        ):
            with total.graph.inserting_before(total):
                added = total.graph.call_module(str(term.target), (source, other))
            _replace(total, added)
            term.graph.erase_node(term)
            return


def _fuse_activation(node: fx.Node, activation: Activation, bounds: list[float]) -> None:
    """Have the convolution before an activation, which nobody else reads, compute it."""
    before = node.all_input_nodes[0]
    convolution = _bare(before)
    if convolution is not None:
        convolution.activation, convolution.bounds = activation, bounds
        _replace(node, before)


def _activation(node: fx.Node) -> tuple[Activation, list[float]] | None:
    """What a node applies, if oneDNN has it: its name there, and its bounds."""
    layer = _layer(node)
    if isinstance(layer, nn.ReLU) or node.target in (F.relu, torch.relu):
        return "relu", []
    if isinstance(layer, nn.Hardtanh):  # ReLU6 is one
        return "hardtanh", [layer.min_val, layer.max_val]
    return None


def _replace(node: fx.Node, by: fx.Node) -> None:
    node.replace_all_uses_with(by)
    node.graph.erase_node(node)
