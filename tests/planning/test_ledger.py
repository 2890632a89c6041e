from __future__ import annotations

import pytest
import torch

from affectrl.planning.devices import Device
from affectrl.planning.ledger import Ledger

FLOAT = 4


def test_bytes_come_and_go_with_their_tensors():
    a, b = torch.empty(100, 20, device="meta"), torch.empty(20, 50, device="meta")
    ledger = Ledger(None, [a, b])
    with ledger, ledger.label("work"):
        product = a @ b
        assert ledger.now == 100 * 50 * FLOAT
        view = product.T[:10]
        assert ledger.now == 100 * 50 * FLOAT, "a view takes nothing"
        del product
        assert ledger.now == 100 * 50 * FLOAT, "the view still holds it"
        del view
    assert ledger.now == 0
    assert ledger.peaks["work"] == (100 * 50 * FLOAT, {"work": 100 * 50 * FLOAT})
    assert ledger.flops == 2 * 100 * 20 * 50


def test_what_autograd_keeps_is_counted_until_the_backward_pass():
    x = torch.empty(64, 32, device="meta", requires_grad=True)
    ledger = Ledger(None, [x])
    with ledger:
        with ledger.label("forward"):
            y = (x * 2).exp().sum()  # keeps the exponentials; the product is free again
        assert ledger.live["forward"] == 64 * 32 * FLOAT + FLOAT
        with ledger.label("backward"):
            y.backward()
    assert ledger.peaks["forward"][0] == 2 * 64 * 32 * FLOAT
    assert x.grad is not None
    assert ledger.live["backward"] >= 64 * 32 * FLOAT


def test_seconds_are_bound_by_arithmetic_by_memory_or_by_the_start():
    device = Device("x", "cpu", 1, half_rate=2e9, full_rate=1e9, bandwidth=1e8, launch_s=1e-3)
    assert device.seconds(1e9, 0, float32=True) == 1.0
    assert device.seconds(1e9, 0, float32=False) == 0.5
    assert device.seconds(0, 1e8, float32=True) == 1.0
    assert device.seconds(0, 0, float32=True) == 1e-3
    few = torch.empty(10, device="meta")
    ledger = Ledger(device, [few])
    with ledger:
        _ = few + few
    assert ledger.seconds == pytest.approx(1e-3)


def test_grouped_attention_counts_the_work_of_all_query_heads():
    q, k = torch.empty(2, 8, 30, 16, device="meta"), torch.empty(2, 2, 30, 16, device="meta")
    ledger = Ledger(None, [q, k])
    with ledger:
        torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(q, k, k, 0.0, True)
    assert ledger.flops == 2 * (2 * 2 * 8 * 30 * 30 * 16)
