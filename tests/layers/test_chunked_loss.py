"""The loss in chunks against fairseq's own, in value and in gradient."""

from __future__ import annotations

import pytest
import torch

from workflow_scripts.layers.chunked_loss import smoothed_loss

PADDING = 1


def by_fairseq(features, weight, target, smoothing):
    import workflow_scripts.fairseq_plugin.compat  # noqa: F401  isort: skip
    from fairseq.criterions.label_smoothed_cross_entropy import label_smoothed_nll_loss

    logits = torch.nn.functional.linear(features, weight)
    return label_smoothed_nll_loss(logits.float().log_softmax(-1), target, smoothing, ignore_index=PADDING)


def example(dtype=torch.float64, positions: int = 23, width: int = 7, symbols: int = 50):
    torch.manual_seed(1)
    target = torch.randint(0, symbols, (positions,))
    target[[0, 5, 6, positions - 1]] = PADDING
    make = lambda *shape: torch.randn(*shape, dtype=torch.float64).to(dtype).requires_grad_()  # noqa: E731
    return make(positions, width), make(symbols, width), target


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("chunk", [1, 4, 19, 1000])
def test_value_and_gradients_are_fairseqs(smoothing, chunk):
    found, expected = [], []
    for kept, loss in ((expected, by_fairseq), (found, lambda *rest: smoothed_loss(*rest, PADDING, chunk))):
        features, weight, target = example(torch.float32)
        total, nll = loss(features, weight, target, smoothing)
        # As with accumulated micro-batches and scaled losses.
        (total * 3).backward()
        kept += [total.detach(), nll.detach().float(), features.grad, weight.grad]
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)
    assert found[2][0].eq(0).all()


def test_small_gradients_in_fp16_are_kept_by_the_scale_of_the_loss():
    """Without it most of them would be less than the smallest number there is."""
    wanted = None
    for dtype, scale in ((torch.float32, 1.0), (torch.float16, 4096.0)):
        features, weight, target = example(dtype, positions=12, symbols=4000)
        with torch.no_grad():
            weight.mul_(0.1)
            features.mul_(0.1)
        loss, _ = smoothed_loss(features, weight, target, 0.0, PADDING, 5)
        (loss * scale).backward()
        grad = weight.grad.float() / scale
        if wanted is None:
            wanted = grad
    others = torch.ones(len(wanted), dtype=torch.bool)
    others[target] = False
    assert wanted[others].abs().max() < 1e-3
    torch.testing.assert_close(grad[others], wanted[others], rtol=0.05, atol=2e-6)
    assert grad[others].ne(0).float().mean() > 0.9


@pytest.mark.parametrize("learns", [(True, False), (False, True), (False, False)])
def test_what_is_frozen_gets_no_gradient(learns):
    features, weight, target = example(torch.float32)
    for one, does in zip((features, weight), learns, strict=True):
        one.requires_grad_(does)
    loss, _ = smoothed_loss(features, weight, target, 0.1, PADDING, 4)
    assert loss.requires_grad == any(learns)
    if any(learns):
        loss.backward()
    assert [one.grad is not None for one in (features, weight)] == list(learns)


def test_padding_alone_costs_nothing():
    features, weight, target = example(torch.float32)
    loss, nll = smoothed_loss(features, weight, torch.full_like(target, PADDING), 0.1, PADDING, 4)
    loss.backward()
    assert (loss, nll) == (0, 0)
    assert weight.grad.eq(0).all()
