"""Fusions and pre-fusions against the formulas of their papers, computed by hand from their weights."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from affectrl.errors import ModelError, RecipeError
from affectrl.models import parts
from affectrl.models.fusion import attention, linear, mean, mlp, q_former
from affectrl.models.fusion._mix import LayerMix
from affectrl.models.pre_fusion import attention as attention_first
from affectrl.models.pre_fusion import q_former as q_former_first

D, H = 6, 16
SMALL = {"hidden": 24, "heads": 4, "positions": 5}
BUILDS = {
    "linear": (linear.build, 3, {}),
    "mlp": (mlp.build, 3, {}),
    "mean": (mean.build, 1, {}),
    "attention": (attention.build, 1, {}),
    "q_former": (q_former.build, 3, SMALL),
}


def clips(n: int = 5, dim: int = D, seed: int = 0) -> list[torch.Tensor]:
    random = torch.Generator().manual_seed(seed)
    return [3 + 2 * torch.randn(2 + 2 * i, dim, generator=random) for i in range(n)]


def made(name: str, **settings):
    build, tokens, own = BUILDS[name]
    torch.manual_seed(0)
    return build(D, H, tokens=tokens, dropout=0.0, **own | settings).eval()


def numbers(layer: nn.Module) -> tuple[np.ndarray, np.ndarray]:
    return layer.weight.detach().numpy(), layer.bias.detach().numpy()


def through(layer: nn.Module, rows: np.ndarray) -> np.ndarray:
    weight, bias = numbers(layer)
    return rows @ weight.T + bias


@pytest.mark.parametrize("name", BUILDS)
class TestEvery:
    def test_shapes_and_absence(self, name):
        fusion, tokens = made(name), BUILDS[name][1]
        long, short = torch.randn(20, D), torch.randn(1, D)
        assert [e.shape for e in fusion([long, None, short])] == [(tokens, H), (1, H), (tokens, H)]
        assert torch.equal(fusion([None])[0], fusion.absent)
        assert torch.equal(fusion([long, None])[1], fusion.absent)

    @torch.no_grad()
    def test_a_clip_does_not_feel_its_neighbours(self, name):
        fusion, found = made(name), clips()
        for alone, together in zip([fusion([c])[0] for c in found], fusion(found), strict=True):
            torch.testing.assert_close(alone, together, atol=1e-5, rtol=1e-5)

    def test_standardized_by_training_clips_or_not_at_all(self, name):
        plain = made(name, standardize=False)
        plain.fit(clips())
        assert not list(plain.buffers())
        fusion, found = made(name), clips()
        before = fusion(list(found))
        fusion.fit([])
        assert all(torch.equal(a, b) for a, b in zip(before, fusion(list(found)), strict=True))
        fusion.fit(found)
        mean_ = np.stack([c.numpy().mean(0) for c in found]).mean(0)
        square = np.stack([(c.numpy() ** 2).mean(0) for c in found]).mean(0)
        np.testing.assert_allclose(fusion.standard.mean, mean_, rtol=1e-5)
        np.testing.assert_allclose(fusion.standard.std, np.sqrt(square - mean_**2), rtol=1e-4)
        loud = [c * 100 - 7 for c in found]
        other = made(name)
        other.fit(loud)
        for a, b in zip(fusion(list(found)), other(loud), strict=True):
            torch.testing.assert_close(a, b, atol=1e-3, rtol=1e-3)
        shifted = [c * 2 - 3 for c in found]
        fusion.fit(shifted, len(shifted))  # as many old clips as new ones
        np.testing.assert_allclose(fusion.standard.mean, (mean_ + (2 * mean_ - 3)) / 2, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(fusion.standard.std, np.sqrt((square - mean_**2) * (1 + 4) / 2), rtol=1e-4)

    def test_every_weight_learns(self, name):
        fusion = made(name)
        sum(e.pow(2).sum() for e in fusion([*clips(), None])).backward()
        still = [n for n, p in fusion.named_parameters() if p.grad is None or not p.grad.abs().max() > 0]
        # Keys' biases shift all scores of a softmax alike.
        assert [n for n in still if not n.endswith(("key.bias", "positions.weight"))] == []

    def test_begins_as_loud_as_words(self, name):
        fusion = made(name, scale=0.3) if name != "q_former" else made(name)
        fusion.fit(clips(30))
        loudness = torch.cat(fusion(clips(30))).pow(2).mean().sqrt()
        assert 0.01 < float(loudness.detach()) < 1


class TestFormulas:
    @pytest.fixture(autouse=True)
    def _numbers_only(self):
        with torch.no_grad():
            yield

    def test_linear(self):
        fusion, clip = made("linear", standardize=False), clips()[2]  # six rows to three pairs
        pairs = clip.numpy().reshape(3, 2, D).mean(1)
        np.testing.assert_allclose(fusion([clip])[0], through(fusion.project, pairs), atol=1e-5)

    def test_stacked_rows_lie_side_by_side(self):
        fusion, clip = made("linear", standardize=False, stack=2), clips()[2]
        rows = clip.numpy().reshape(3, 2 * D)
        np.testing.assert_allclose(fusion([clip])[0], through(fusion.project, rows), atol=1e-5)

    def test_mlp(self):
        from scipy.special import erf

        fusion, clip = made("mlp", standardize=False, hidden=10), clips()[2]
        first, _, second = fusion.project
        x = through(first, clip.numpy().reshape(3, 2, D).mean(1))
        assert x.shape == (3, 10)
        wanted = through(second, x * 0.5 * (1 + erf(x / np.sqrt(2))))
        np.testing.assert_allclose(fusion([clip])[0], wanted, atol=1e-5)

    def test_mean(self):
        fusion, clip = made("mean", standardize=False), clips()[3]
        np.testing.assert_allclose(fusion([clip])[0], through(fusion.project, clip.numpy().mean(0)[None]), atol=1e-5)

    @pytest.mark.parametrize("softmax", [False, True])
    def test_attention_as_affectgpt_has_it(self, softmax):
        fusion, clip = made("attention", standardize=False, softmax=softmax), clips()[3]
        assert len(clip) == 8
        weights = np.array([float(row @ fusion.score.weight[0] + fusion.score.bias[0]) for row in clip])
        if softmax:
            weights = np.exp(weights) / np.exp(weights).sum()
        pooled = sum(w * row for w, row in zip(weights, clip.numpy(), strict=True))
        np.testing.assert_allclose(fusion([clip])[0][0], through(fusion.project, pooled), atol=1e-4)
        longer = clip.repeat_interleave(3, 0)  # sixteen more rows that say the same are no louder
        torch.testing.assert_close(fusion([longer])[0], fusion([clip])[0], atol=1e-4, rtol=1e-4)

    def test_q_former(self):
        from transformers import Blip2QFormerModel

        fusion, clip = made("q_former", standardize=False), clips()[1]
        assert isinstance(fusion.queries.former, Blip2QFormerModel)
        assert len(fusion.queries.former.encoder.layer) == 2
        assert all(layer.has_cross_attention for layer in fusion.queries.former.encoder.layer)
        rows = (clip + fusion.queries.positions.weight[:4])[None]
        out = fusion.queries.former(query_embeds=fusion.queries.queries, encoder_hidden_states=rows)
        wanted = through(fusion.project, out.last_hidden_state[0].numpy())
        np.testing.assert_allclose(fusion([clip])[0], wanted, atol=1e-5)
        for weight in fusion.queries.parameters():  # as small as they begin, all rows are looked at alike
            weight.add_(0.3 * torch.randn(weight.shape, generator=torch.Generator().manual_seed(1)))
        turned = fusion([clip.flip(0)])[0]
        assert (turned - fusion([clip])[0]).abs().max() > 1e-3, "positions tell rows apart"

    def test_layers_are_mixed_by_a_softmax(self):
        mix = LayerMix(3)
        clip = torch.randn(7, 3 * D)
        torch.testing.assert_close(mix(clip), clip.unflatten(1, (3, D)).mean(1))
        mix.weights.copy_(torch.tensor([0.0, 1.0, -2.0]))
        shares = np.exp([0.0, 1.0, -2.0])
        shares /= shares.sum()
        wanted = sum(s * part for s, part in zip(shares, np.split(clip.numpy(), 3, axis=1), strict=True))
        np.testing.assert_allclose(mix(clip), wanted, atol=1e-5)


DIMS = {"face": D, "voice": 4}


class TestPreFusion:
    def made(self, build, **settings):
        torch.manual_seed(0)
        fusion = build(DIMS, H, **{"dropout": 0.0, "standardize": False} | settings).eval()
        for lacking in fusion.lacking.values():
            nn.init.normal_(lacking)
        return fusion

    def features(self) -> dict[str, list]:
        return {"face": [*clips(3), None, None], "voice": [clips(3, 4)[0], None, clips(3, 4)[2], clips(1, 4)[0], None]}

    @torch.no_grad()
    def test_attention_as_affectgpt_has_it(self):
        fusion, given = self.made(attention_first.build, hidden=8), self.features()
        found = fusion(given)
        assert [e.shape for e in found] == [(1, H)] * 5
        for i, (face, voice) in enumerate(zip(given["face"], given["voice"], strict=True)):
            said = [
                fusion.lacking[name].numpy() if f is None else through(fusion.mapped[name], f.numpy().mean(0))
                for name, f in (("face", face), ("voice", voice))
            ]
            weights = through(fusion.weigh, through(fusion.together, np.concatenate(said)))
            assert weights.shape == (2,)
            wanted = through(fusion.project, weights[0] * said[0] + weights[1] * said[1])
            if i == 4:
                wanted = fusion.absent[0].numpy()
            np.testing.assert_allclose(found[i][0], wanted, atol=1e-5)
        assert attention_first.build(DIMS, H).together.out_features == D, "as wide as the widest stream"

    @torch.no_grad()
    def test_q_former(self):
        own = {"tokens": 3, "common": 8, "hidden": 24, "heads": 4, "positions": 12}
        fusion, given = self.made(q_former_first.build, **own), self.features()
        found = fusion(given)
        assert [e.shape for e in found] == [(3, H)] * 4 + [(1, H)]
        for i, (face, voice) in enumerate(zip(given["face"][:4], given["voice"][:4], strict=True)):
            rows = np.concatenate(
                [
                    fusion.lacking[name].numpy() if f is None else through(fusion.mapped[name], f.numpy())
                    for name, f in (("face", face), ("voice", voice))
                ]
            )
            rows = torch.from_numpy(rows) + fusion.queries.positions.weight[: len(rows)]
            out = fusion.queries.former(query_embeds=fusion.queries.queries, encoder_hidden_states=rows[None])
            wanted = through(fusion.project, out.last_hidden_state[0].numpy())
            np.testing.assert_allclose(found[i], wanted, atol=1e-5)
        assert torch.equal(found[4], fusion.absent)
        long = {"face": [torch.randn(50, D)], "voice": [torch.randn(70, 4)]}
        assert fusion(long)[0].shape == (3, H), "resampled to the positions there are"

    @pytest.mark.parametrize("module", [attention_first, q_former_first])
    def test_every_weight_learns_and_statistics_are_taken(self, module):
        own = {"hidden": 24, "heads": 4} if module is q_former_first else {}
        fusion = self.made(module.build, standardize=True, **own)
        given = self.features()
        fusion.fit({name: [f for f in found if f is not None] for name, found in given.items()})
        assert float(fusion.standard["face"].mean.abs().min()) > 1
        sum(e.pow(2).sum() for e in fusion(given)).backward()
        still = [n for n, p in fusion.named_parameters() if p.grad is None or not p.grad.abs().max() > 0]
        assert [n for n in still if not n.endswith("key.bias")] == []


class TestWrongSettings:
    @pytest.mark.parametrize(
        ("name", "settings", "told"),
        [
            ("linear", {"stak": 2}, r"model\.voice\.fusion_settings, fusion 'linear': stak"),
            ("linear", {"stack": 0}, "stack"),
            ("attention", {"positions": "many"}, "positions"),
            ("q-former", {"layers": 0}, "layers"),
            ("mlp", {"tokens": 3}, "tokens has a field of its own"),
        ],
    )
    def test_a_recipe_is_told(self, name, settings, told):
        with pytest.raises(RecipeError, match=told):
            self.build(name, settings, 4)

    @pytest.mark.parametrize("name", ["mean", "attention"])
    def test_one_position_only(self, name):
        with pytest.raises(ModelError, match="one position a clip, not tokens: 4"):
            self.build(name, {}, 4)

    def test_segments_need_two(self):
        with pytest.raises(RecipeError, match="tokens"):
            self.build("segments", {}, 1)

    def test_heads_that_do_not_fit(self):
        with pytest.raises(ModelError, match="hidden must be a multiple of heads"):
            self.build("q-former", {"hidden": 10}, 4)
        with pytest.raises(ModelError, match="positions must be at least 2"):
            q_former_first.build({"a": 3, "b": 4}, H, positions=1)

    def build(self, name: str, settings: dict, tokens: int):
        given = {"tokens": tokens, "components": 4, "dropout": 0.0, "scale": 0.1}
        return parts.build("affectrl.models.fusion", name, "model.voice.fusion_settings", settings, D, H, **given)
