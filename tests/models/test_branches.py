"""HumanOmni's branches: sizes, the gate's own weights, clips that lack frames. Their numbers: ``tests/sharing``."""

from __future__ import annotations

import pytest
import torch
from transformers import BertModel

from affectrl.errors import ModelError
from affectrl.models.fusion import branches
from small_parts import make

D, H = 6, 8
ASKED = "which emotion is in the face ?"


@pytest.fixture(scope="module")
def gate(tmp_path_factory) -> str:
    return str(make("bert-gate", tmp_path_factory.mktemp("gate") / "bert"))


@pytest.fixture
def fusion(gate) -> branches.Branches:
    torch.manual_seed(0)
    return branches.build(D, H, tokens=4 * 4, gate=gate, gate_hidden=5, frames=4, grid=4).eval()


@torch.no_grad()
def test_shapes_and_absence(fusion):
    whole, half = torch.randn(4 * 16, D), torch.randn(2 * 16, D)
    found = fusion([whole, None, half], [ASKED, ASKED, "voice ?"])
    assert [e.shape for e in found] == [(16, H), (1, H), (16, H)]
    assert torch.equal(fusion([None], [ASKED])[0], fusion.absent)
    torch.testing.assert_close(fusion([half], ["voice ?"])[0], found[2], atol=1e-5, rtol=1e-5)
    # Of fewer frames than wanted, each is taken as often as it takes.
    twice = half.view(2, 16, D).repeat_interleave(2, 0).flatten(0, 1)
    torch.testing.assert_close(fusion([twice], ["voice ?"])[0], found[2], atol=1e-5, rtol=1e-5)
    assert (fusion([whole], ["voice ?"])[0] - found[0]).abs().max() > 1e-6


def test_the_gate_begins_as_published_and_stays_so(fusion, gate):
    fusion.fit([])
    published = BertModel.from_pretrained(gate).state_dict()
    held = fusion.gate.bert.state_dict()
    assert held
    assert all(torch.equal(tensor, published[name]) for name, tensor in held.items())
    assert not [name for name, _ in fusion.named_parameters() if ".bert." in name]
    fusion.requires_grad_(True)
    fusion([torch.randn(64, D)], [ASKED])[0].pow(2).sum().backward()
    still = [name for name, p in fusion.named_parameters() if p.grad is None or not p.grad.abs().max() > 0]
    assert still == ["absent"]
    shares = fusion.gate([ASKED, "voice ?"])
    torch.testing.assert_close(shares.sum(1), torch.ones(2))
    assert (shares[0] - shares[1]).abs().max() > 1e-5


def test_padding_changes_no_share(fusion):
    alone, among = fusion.gate([ASKED]), fusion.gate([ASKED, "the face the voice in the face ? ?"])
    torch.testing.assert_close(alone[0], among[0], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    ("sizes", "count"),
    [
        ({"frames": 8, "grid": 14}, 392),  # R1-Omni: SigLIP at 224 pixels
        ({"frames": 8, "grid": 14, "slow_fast": True}, 8 * 9 + 2 * 49),
        ({"frames": 8, "grid": 27, "pad": 1}, 8 * 14 * 14),  # HumanOmni-7B: SigLIP at 384 pixels
    ],
)
def test_positions(sizes, count):
    assert branches.positions(**sizes) == count


def test_what_cannot_be(fusion, gate, tmp_path):
    with pytest.raises(ModelError, match="gives 16 positions a clip, not tokens: 5"):
        branches.build(D, H, tokens=5, gate=gate, frames=4, grid=4)
    with pytest.raises(ModelError, match="the branches give"):
        branches.build(D, H, tokens=5, gate=gate, frames=4, grid=5)
    with pytest.raises(ModelError, match="wants 4 x 4 rows a frame"):
        fusion([torch.randn(9, D)], [ASKED])
    with pytest.raises(ModelError, match="cannot be loaded as a BERT"):
        branches.build(D, H, tokens=16, gate=str(tmp_path), frames=4, grid=4)
    other = make("siglip", tmp_path / "siglip")
    with pytest.raises(ModelError, match="cannot be loaded as a BERT"):
        branches.build(D, H, tokens=16, gate=str(other), frames=4, grid=4)
