from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from ghostload.detection import average_precision, evaluate, precision_at_k, roc_auc, share_found, truth_of
from ghostload.detection.metrics import BUDGETS, PREVALENCES, _evaluate, inspected
from ghostload.detection.ranking import Ranking
from ghostload.detection.truth import Truth
from ghostload.errors import UsageError

seeds = st.integers(0, 2**31)


def labels_and_scores(seed, count, levels):
    rng = np.random.default_rng(seed)
    labels = rng.random(count) < 0.3
    scores = rng.integers(0, levels, count) + labels * rng.integers(0, 2, count)
    return labels.astype(float), scores.astype(float)


def simple_truth(labels, groups=None, lost=None, kinds=None, look_alikes=None):
    is_theft = np.asarray(labels, dtype=bool)
    group = np.arange(len(is_theft)) if groups is None else np.asarray(groups)
    return Truth(is_theft, group, kinds or {"bypass": is_theft}, look_alikes or {}, lost)


@given(seeds, st.integers(2, 80), st.integers(1, 60))
@settings(max_examples=150, deadline=None)
def test_average_precision_and_auc_agree_with_scikit_learn_ties_included(seed, count, levels):
    labels, scores = labels_and_scores(seed, count, levels)
    assume(0 < labels.sum() < count)
    assert average_precision(labels, scores) == pytest.approx(average_precision_score(labels, scores))
    assert roc_auc(labels, scores) == pytest.approx(roc_auc_score(labels, scores))


@given(seeds, st.integers(1, 40), st.integers(1, 10), st.data())
@settings(max_examples=60, deadline=None)
def test_what_is_found_is_the_mean_over_random_orders_of_ties(seed, count, levels, data):
    k = data.draw(st.integers(1, count))
    rng = np.random.default_rng(seed)
    worth, scores = rng.random(count), rng.integers(0, levels, count).astype(float)
    ranks = [np.lexsort((rng.random(count), -scores))[:k] for _ in range(1500)]
    simulated = np.mean([worth[rank].sum() for rank in ranks]) / worth.sum()
    assert share_found(worth, scores, k) == pytest.approx(simulated, abs=0.05)
    certain = np.argsort(-worth)[:k]
    assert share_found(worth, worth, k) == pytest.approx(worth[certain].sum() / worth.sum())


def test_precision_at_k_counts_the_thieves_among_the_first_k():
    labels, scores = np.array([1.0, 0, 1, 0, 1]), np.array([5.0, 4, 3, 2, 1])
    assert [precision_at_k(labels, scores, k) for k in (1, 2, 3, 5)] == pytest.approx([1, 1 / 2, 2 / 3, 3 / 5])
    assert precision_at_k(np.zeros(5), scores, 2) == 0.0


@pytest.mark.parametrize("k", [0, 6])
def test_a_budget_beyond_the_meters_is_refused(k):
    with pytest.raises(UsageError, match=f"k: is {k}, must be from 1 to the number of meters"):
        share_found(np.ones(5), np.arange(5.0), k)


@pytest.mark.parametrize("scores", [np.array([1.0, np.nan]), np.ones(3), np.ones((2, 1))])
def test_scores_that_are_not_one_finite_number_a_meter_are_refused(scores):
    with pytest.raises(UsageError, match="one finite number for each meter"):
        roc_auc(np.array([0.0, 1.0]), scores)


@given(seeds)
@settings(max_examples=25, deadline=None)
def test_no_metric_depends_on_the_order_of_the_rows(seed):
    labels, scores = labels_and_scores(seed, 60, 8)
    assume(0 < labels.sum() < 60)
    rng = np.random.default_rng(seed)
    order, lost = rng.permutation(60), rng.random(60) * labels
    one = evaluate(scores, simple_truth(labels, lost=lost), n_bootstrap=0)
    turned = evaluate(scores[order], simple_truth(labels[order], lost=lost[order]), n_bootstrap=0)
    assert {k: v.value for k, v in one.items()} == pytest.approx({k: v.value for k, v in turned.items()}, nan_ok=True)


def test_all_tied_scores_are_as_good_as_chance():
    labels = np.r_[np.ones(10), np.zeros(90)]
    found = evaluate(np.zeros(100), simple_truth(labels, lost=labels), n_bootstrap=0)
    assert found["ap"].value == pytest.approx(0.1)
    assert found["roc_auc"].value == pytest.approx(0.5)
    assert found["precision@5%"].value == pytest.approx(0.1)
    assert found["kwh_recovered@5%"].value == found["recall@5%"].value == pytest.approx(0.05)


def test_a_perfect_ranking_fills_each_budget_with_thieves(town):
    truth = truth_of(town)
    found = evaluate(truth.is_theft.astype(float), truth, n_bootstrap=0)
    assert found["ap"].value == found["roc_auc"].value == found["precision@theft_count"].value == pytest.approx(1)
    for at, budget in (("@1%", 0.01), ("@2%", 0.02), ("@5%", 0.05)):
        assert found[f"precision{at}"].value == pytest.approx(1)
        assert found[f"recall{at}"].value == pytest.approx(inspected(300, budget) / 30)
        assert found[f"flagged{at}/vacancy"].value == 0
        assert found[f"alarms{at}/vacancy"].value is None
        assert found[f"precision{at}/prevalence=0.5%"].value == pytest.approx(1)


@given(seeds)
@settings(max_examples=20, deadline=None)
def test_parts_add_up_to_the_whole(town, seed):
    truth = truth_of(town)
    scores = np.random.default_rng(seed).integers(0, 50, town.num_meters).astype(float)
    found = evaluate(scores, truth, n_bootstrap=0)
    for at in ("@1%", "@2%", "@5%"):
        by_kind = sum(found[f"recall{at}/{kind}"].value * mask.sum() for kind, mask in truth.kinds.items())
        assert by_kind == pytest.approx(found[f"recall{at}"].value * truth.is_theft.sum())
        shares = [found[f"alarms{at}/{kind}"].value for kind in ("vacancy", "stopped_meter", "ordinary")]
        assert sum(shares) == pytest.approx(1)


def test_precision_at_the_present_prevalence_is_the_precision(town):
    truth = truth_of(town)
    scores = np.random.default_rng(0).random(town.num_meters)
    found = evaluate(scores, truth, n_bootstrap=0, prevalences=(float(truth.is_theft.mean()),))
    assert found["precision@5%/prevalence=10%"].value == pytest.approx(found["precision@5%"].value)


def test_precision_falls_with_the_prevalence(town):
    truth = truth_of(town)
    scores = truth.is_theft + np.random.default_rng(0).random(town.num_meters) * 4
    found = evaluate(scores, truth, n_bootstrap=0)
    values = [found[f"precision@5%/prevalence={100 * share:g}%"].value for share in PREVALENCES]
    assert values == sorted(values)
    assert values[0] < values[-1] < 1


def test_energy_recovered_counts_kwh_and_not_thieves():
    labels = np.r_[np.ones(4), np.zeros(96)]
    lost = np.r_[970.0, 10, 10, 10, np.zeros(96)]
    big_first, big_last = np.r_[4.0, 3, 2, 1, np.zeros(96)], np.r_[1.0, 2, 3, 4, np.zeros(96)]
    truth = simple_truth(labels, lost=lost)
    assert evaluate(big_first, truth, n_bootstrap=0)["kwh_recovered@1%"].value == pytest.approx(0.97)
    assert evaluate(big_last, truth, n_bootstrap=0)["kwh_recovered@1%"].value == pytest.approx(0.01)


def test_without_events_the_energy_is_not_defined_and_the_rest_is():
    found = evaluate(np.arange(50.0), simple_truth(np.arange(50) > 44), n_bootstrap=20)
    assert found["kwh_recovered@5%"].value is None
    assert found["kwh_recovered@5%"].low is None
    assert found["recall@5%"].value is not None


@given(seeds, st.integers(1, 9))
@settings(max_examples=30, deadline=None)
def test_a_replicate_is_the_metric_of_the_transformers_that_it_drew(seed, levels):
    """Weights are a short way of writing meters down several times."""
    rng = np.random.default_rng(seed)
    group = rng.integers(0, 6, 40)
    labels, scores = labels_and_scores(seed, 40, levels)
    lost = rng.random(40) * labels
    drawn = rng.multinomial(6, np.full(6, 1 / 6))
    repeats = drawn[group]
    kept = np.repeat(np.arange(40), repeats)
    assume(len(kept) > 0)
    assume(0 < labels[kept].sum() < len(kept))
    truth = simple_truth(labels, groups=group, lost=lost)
    weighted = _evaluate(Ranking(scores), truth, repeats[None, :].astype(float), (0.25,), (0.01,))
    written_out = simple_truth(labels[kept], lost=lost[kept])
    ones = np.ones((1, len(kept)))
    plain = _evaluate(Ranking(scores[kept]), written_out, ones, (0.25,), (0.01,))
    # A quarter of 40 meters is a whole number; of the replicate's it need not be, so only rank metrics are equal there.
    for name in ("ap", "roc_auc", "precision@theft_count"):
        assert weighted[name] == pytest.approx(plain[name])
    if len(kept) % 4 == 0:
        for name in plain:
            assert weighted[name] == pytest.approx(plain[name], nan_ok=True), name


def test_intervals_hold_the_value_and_come_out_the_same_twice(town):
    truth = truth_of(town)
    scores = truth.is_theft + np.random.default_rng(0).standard_normal(town.num_meters)
    one, two, other = (evaluate(scores, truth, n_bootstrap=100, seed=seed) for seed in (3, 3, 4))
    assert one == two
    assert one["ap"] != other["ap"]
    for name in ("ap", "roc_auc", "recall@5%", "kwh_recovered@5%"):
        assert one[name].low < one[name].value < one[name].high


def test_replicates_in_several_chunks_are_the_same_as_in_one(town, monkeypatch):
    truth = truth_of(town)
    scores = np.random.default_rng(0).random(town.num_meters)
    whole = evaluate(scores, truth, n_bootstrap=17)
    monkeypatch.setattr("ghostload.detection.metrics._CHUNK_CELLS", 5 * town.num_meters)
    assert evaluate(scores, truth, n_bootstrap=17) == whole


def test_the_bootstrap_draws_transformers_so_thieves_that_stand_together_widen_the_interval():
    rng = np.random.default_rng(0)
    labels = np.r_[np.ones(40), np.zeros(360)]
    scores = labels + rng.standard_normal(400)
    together = simple_truth(labels, groups=np.arange(400) // 20, lost=labels)
    apart = simple_truth(labels, groups=np.arange(400) % 20, lost=labels)
    wide, narrow = (evaluate(scores, truth, n_bootstrap=300)["precision@5%"] for truth in (together, apart))
    assert wide.value == narrow.value
    assert wide.high - wide.low > 1.3 * (narrow.high - narrow.low)


def test_intervals_cover_the_truth_about_as_often_as_they_say():
    """AUC .76 of two normals one standard deviation apart, in 150 draws of 60 transformers."""
    hits = 0
    for draw in range(150):
        rng = np.random.default_rng(draw)
        labels = rng.random(300) < 0.2
        estimate = evaluate(
            labels + rng.standard_normal(300),
            simple_truth(labels, groups=np.arange(300) // 5),
            n_bootstrap=200,
            budgets=(0.05,),
            prevalences=(),
        )["roc_auc"]
        hits += estimate.low <= 0.76025 <= estimate.high
    assert 0.89 <= hits / 150 <= 0.99


@pytest.mark.parametrize(("groups", "replicates"), [(np.zeros(50, int), 50), (np.arange(50), 0)])
def test_one_transformer_or_no_replicates_give_no_interval(groups, replicates):
    truth = simple_truth(np.arange(50) > 40, groups=groups)
    ap = evaluate(np.arange(50.0), truth, n_bootstrap=replicates)["ap"]
    assert ap.value == pytest.approx(1)
    assert ap.low is None
    assert ap.high is None


def test_an_interval_is_withheld_when_less_than_half_of_the_replicates_define_the_metric():
    from ghostload.detection.metrics import Estimate, _estimate

    assert _estimate(np.array([0.5, 0.4, np.nan, np.nan, np.nan])) == Estimate(0.5)
    assert _estimate(np.array([np.nan, 0.4, 0.5])) == Estimate(None)
    assert _estimate(np.array([0.5, 0.4, 0.6, np.nan])).low == pytest.approx(0.405)


@pytest.mark.parametrize("budget", [0.0, -0.1, 1.5])
def test_a_budget_that_is_no_share_is_refused(budget):
    with pytest.raises(UsageError, match="is not a share of the meters"):
        evaluate(np.arange(4.0), simple_truth([1, 0, 0, 0]), budgets=(budget,))


def test_at_least_one_meter_is_inspected():
    assert [inspected(n, b) for n in (1, 30, 50, 5000) for b in BUDGETS[:1]] == [1, 1, 1, 50]
