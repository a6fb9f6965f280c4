"""Ask what this machine's processor can do."""

from __future__ import annotations

import torch


def onednn_has(device: torch.device, dtype: torch.dtype) -> bool:
    """Whether oneDNN computes products of this dtype on this device and machine."""
    if device.type != "cpu" or not torch.backends.mkldnn.is_available():
        return False
    if dtype == torch.bfloat16:
        return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    if dtype == torch.float16:
        return bool(torch.ops.mkldnn._is_mkldnn_fp16_supported())
    return dtype == torch.float32


def emulates(device: torch.device, dtype: torch.dtype) -> bool:
    """Whether this device is a CPU without instructions for this dtype.

    torch computes right products there, but many times slower than in float32.
    """
    return device.type == "cpu" and dtype != torch.float32 and not onednn_has(device, dtype)
