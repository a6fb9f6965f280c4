"""Fuse convolution, addition and activation into one call of oneDNN, for speed on a CPU.

Between two convolutions a network mostly adds and cuts off at zero, which are two more passes over
maps that fit into no cache. oneDNN does both while the product lies in registers. It also wants the
weights in an order of its own, which they get once instead of in every pass. ResNet-50 in bfloat16
runs up to 1.5 times as fast.

The network is traced (torch.fx) and its graph rewritten, so that this module knows no network. In
float32 every bit stays the same; in lower precisions a sum is rounded once instead of twice. The
calls are those of torch.compile and begin with an underscore; tests hold their results to torch's.
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
        activation: the name that oneDNN has for it.
        bounds: the two bounds of "hardtanh"; otherwise empty.
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
        """(B, C, h, w) -> (B, K, h', w'); the result overwrites `other`, which has that shape."""
        maps = maps.to(self._weight.dtype)
        if self._packed is None:  # if two threads do this at once, both get the same
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
    """Traces a network down to its layers, the modules without parts."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:  # noqa: ARG002
        """Whether `m` shall be one node of the graph."""
        return not any(True for _ in m.children())


def fuse(network: nn.Module) -> fx.GraphModule:
    """Make a network of fused convolutions that computes the same; `network` stays as it is.

    A convolution is left to torch if oneDNN lacks its dtype on this processor.

    Args:
        network: a network in evaluation mode, on the CPU. Its control flow may not depend on its
            input. After a sum in place it may not use the first term any more, since tracing makes
            a new tensor of the sum.
    """
    fused = fx.GraphModule(network, _Layers().trace(network))
    for node in list(fused.graph.nodes):
        layer = _layer(node)
        if isinstance(layer, nn.Identity):
            _replace(node, node.all_input_nodes[0])
        elif _plain(layer):
            node.target = f"{node.name}_fused"  # a new module, even if a layer is called twice
            fused.add_submodule(node.target, Convolution(layer))
    for node in list(fused.graph.nodes):  # in the order of use: earlier ones are fused
        if node.op == "call_function" and node.target in (operator.add, operator.iadd):
            _fuse_sum(node)
        elif (found := _activation(node)) is not None:
            _fuse_activation(node, *found)
    fused.delete_all_unused_submodules()
    fused.graph.lint()
    fused.recompile()
    return fused


def _plain(layer: nn.Module | None) -> TypeGuard[nn.Conv2d]:
    """Whether oneDNN can compute this layer here: a convolution that pads evenly with zeros."""
    if type(layer) is not nn.Conv2d or layer.padding_mode != "zeros":
        return False
    if isinstance(layer.padding, str):  # "same" may pad one side by one pixel more
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
    """Let one of two terms, a bare convolution, add itself to the other in the other's memory.

    This is right if three things hold. A convolution made the other term. Only convolutions read it
    before the sum, and nothing reads it after. Nothing uses the input of the bare convolution after
    it, since an operation in place could change that input before the sum, where the convolution
    now runs.
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
    """Let the convolution before an activation compute it, if nothing else reads its maps."""
    before = node.all_input_nodes[0]
    convolution = _bare(before)
    adds = len(before.all_input_nodes) > 1  # behind a sum oneDNN computes a ReLU, and no other
    if convolution is not None and (activation == "relu" or not adds):
        convolution.activation, convolution.bounds = activation, bounds
        _replace(node, before)


def _activation(node: fx.Node) -> tuple[Activation, list[float]] | None:
    """The activation that a node applies, by oneDNN's name and with bounds; None if it has none."""
    layer = _layer(node)
    if isinstance(layer, nn.ReLU) or node.target in (F.relu, torch.relu):
        return "relu", []
    if isinstance(layer, nn.Hardtanh):  # ReLU6 is one
        return "hardtanh", [layer.min_val, layer.max_val]
    return None


def _replace(node: fx.Node, by: fx.Node) -> None:
    node.replace_all_uses_with(by)
    node.graph.erase_node(node)
