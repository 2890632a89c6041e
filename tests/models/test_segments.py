from __future__ import annotations

import numpy as np
import pytest
import torch

from affectrl.models.fusion.segments import LIMIT, RIDGE_STRENGTHS, build

D, H = 6, 16


def toy(n: int, seed: int = 0, classes: int = 3) -> tuple[list[torch.Tensor], list[int]]:
    """Clips whose class is plain in their mean, of different lengths, on an odd scale."""
    random = torch.Generator().manual_seed(seed)
    names = [i % classes for i in range(n)]
    centres = torch.eye(D)[:classes] * 4
    clips = [7 + 3 * (centres[k] + torch.randn(5 + i % 4, D, generator=random) * 0.5) for i, k in enumerate(names)]
    return clips, names


@pytest.fixture
def fusion():
    torch.manual_seed(0)
    return build(D, H, tokens=4, components=5, dropout=0.0, scale=0.1)


def test_shapes(fusion):
    long, short = torch.randn(20, D), torch.randn(1, D)
    assert [e.shape for e in fusion([long, None, short])] == [(4, H), (1, H), (4, H)]
    assert [e.shape for e in fusion([None, None])] == [(1, H), (1, H)]


@torch.no_grad()
def test_forward_equals_the_formula(fusion):
    clips, _ = toy(8)
    fusion.fit(clips)
    clip = clips[0]  # of five rows: adaptive pooling to three segments takes rows 0-1, 1-3, 3-4
    segments = np.stack([clip[0:2].mean(0), clip[1:4].mean(0), clip[3:5].mean(0)])
    whole = np.stack([clip.numpy().mean(0), clip.numpy().std(0)])
    mean, std = fusion.feature_mean.numpy(), fusion.feature_std.numpy()
    rows = np.clip((segments - mean[0]) / std[0], -LIMIT, LIMIT)
    both = np.clip((whole - mean[1:]) / std[1:], -LIMIT, LIMIT).reshape(-1)
    wanted = np.concatenate(
        [
            rows @ fusion.segment_basis.numpy() @ fusion.segment.weight.numpy().T + fusion.segment.bias.numpy(),
            (both @ fusion.whole_basis.numpy() @ fusion.whole.weight.numpy().T + fusion.whole.bias.numpy())[None],
        ]
    )
    np.testing.assert_allclose(fusion([clip])[0].numpy(), wanted, atol=1e-4)


def test_fit_takes_means_and_unbiased_spreads(fusion):
    clips, _ = toy(9)
    fusion.fit(clips)
    wholes = np.stack([clip.numpy().mean(0) for clip in clips])
    spreads = np.stack([clip.numpy().std(0) for clip in clips])
    for i, table in ((1, wholes), (2, spreads)):
        np.testing.assert_allclose(fusion.feature_mean[i], table.mean(0), rtol=1e-4)
        np.testing.assert_allclose(fusion.feature_std[i], table.std(0, ddof=1), rtol=1e-4)


@torch.no_grad()
def test_fit_finds_the_principal_components(fusion):
    from sklearn.decomposition import PCA

    clips, _ = toy(30)
    fusion.fit(clips)
    wholes = np.stack([np.concatenate([c.numpy().mean(0), c.numpy().std(0)]) for c in clips])
    mean, std = fusion.feature_mean[1:].flatten().numpy(), fusion.feature_std[1:].flatten().numpy()
    table = np.clip((wholes - mean) / std, -LIMIT, LIMIT)
    pca = PCA(5).fit(table)
    turned = table @ fusion.whole_basis.numpy()
    assert turned.std(0, ddof=1)[0] == pytest.approx(1, rel=1e-3)
    wanted = np.sqrt(pca.explained_variance_ / pca.explained_variance_[0])
    np.testing.assert_allclose(turned.std(0, ddof=1), wanted, rtol=1e-3)
    assert abs(np.corrcoef(turned.T) - np.eye(5)).max() < 1e-3


def test_fit_of_one_clip_or_none_stays_finite(fusion):
    fusion.fit([])
    fusion.fit([torch.full((1, D), 3.0)])
    assert all(torch.isfinite(e).all() for e in fusion([torch.randn(4, D)]))
    assert (fusion.feature_std > 0).all()


def test_one_odd_recording_is_clamped(fusion):
    clips, _ = toy(8)
    fusion.fit(clips)
    assert torch.equal(fusion([clips[0] * 1e6])[0], fusion([clips[0] * 1e7])[0])


@torch.no_grad()
def test_align_composes_a_ridge_probe_with_the_words(fusion):
    from sklearn.linear_model import Ridge

    clips, names = toy(30)
    fusion.fit(clips)
    words = torch.randn(3, H, generator=torch.Generator().manual_seed(1))
    fusion.align(clips, names, words)
    wholes = np.stack([np.concatenate([c.numpy().mean(0), c.numpy().std(0)]) for c in clips])
    mean, std = fusion.feature_mean[1:].flatten().numpy(), fusion.feature_std[1:].flatten().numpy()
    table = np.clip((wholes - mean) / std, -LIMIT, LIMIT).astype(float) @ fusion.whole_basis.numpy().astype(float)
    onehot = np.eye(3)[names]
    said = fusion(list(clips))
    ours = np.stack([e[-1].numpy() for e in said])

    # The probe's strength, by leaving one out by hand.
    def error(alpha: float) -> float:
        rest = [np.delete(np.arange(30), i) for i in range(30)]
        probes = [Ridge(alpha).fit(table[r], onehot[r]).predict(table[i : i + 1])[0] for i, r in enumerate(rest)]
        return float(((np.stack(probes) - onehot) ** 2).mean())

    probe = Ridge(min(RIDGE_STRENGTHS, key=error)).fit(table, onehot)
    centred = (words - words.mean(0)).numpy()
    moved = (probe.predict(table) - onehot.mean(0)) @ centred
    gain = np.sqrt((centred**2).mean() / (moved**2).mean())
    np.testing.assert_allclose(ours, words.mean(0).numpy() + gain * moved, atol=2e-3)


@torch.no_grad()
def test_aligned_clips_say_their_own_word(fusion):
    clips, names = toy(30)
    held_out, truth = toy(30, seed=5)
    fusion.fit(clips)
    words = torch.randn(3, H, generator=torch.Generator().manual_seed(1)) * 0.1
    fusion.align(clips, names, words)
    said = torch.stack([e[-1] for e in fusion(list(held_out))])
    assert torch.cdist(said, words).argmin(1).tolist() == truth
    # As loud as words are, so that the language model can read them.
    ratio = (said - words.mean(0)).pow(2).mean() / (words - words.mean(0)).pow(2).mean()
    assert 0.5 < float(ratio) < 2


def test_dropout_only_while_training():
    torch.manual_seed(0)
    fusion = build(D, H, tokens=3, dropout=0.5)
    clip = [torch.randn(9, D)]
    assert not torch.equal(fusion.train()(clip)[0], fusion(clip)[0])
    assert torch.equal(fusion.eval()(clip)[0], fusion(clip)[0])


@pytest.mark.parametrize("prior", [0, 6])
@torch.no_grad()
def test_another_domains_scale_is_met_half_way(fusion, prior):
    clips, _ = toy(8)
    shifted = [clip * 2 - 3 for clip in toy(12, seed=1)[0]]
    fusion.fit(clips)
    before = {name: tensor.clone() for name, tensor in fusion.state_dict().items()}
    fusion.fit(shifted, prior)
    share = 12 / (12 + prior)
    wholes = np.stack([clip.numpy().mean(0) for clip in shifted])
    mean = (1 - share) * before["feature_mean"][1].numpy() + share * wholes.mean(0)
    variance = (1 - share) * before["feature_std"][1].numpy() ** 2 + share * wholes.var(0, ddof=1)
    np.testing.assert_allclose(fusion.feature_mean[1].numpy(), mean, rtol=1e-5)
    np.testing.assert_allclose(fusion.feature_std[1].numpy(), variance**0.5, rtol=1e-5)
    moved = {name for name, tensor in fusion.state_dict().items() if not torch.equal(tensor, before[name])}
    assert moved == {"feature_mean", "feature_std"}
    kept = fusion.feature_mean.clone()
    fusion.fit([], prior)
    assert torch.equal(fusion.feature_mean, kept)
