"""Which curves a run's numbers give, and what to look for in each."""

from __future__ import annotations

from collections.abc import Mapping

from affectrl.report.load import Run
from affectrl.report.plots import Chart, lines


def learning_curves(run: Run, algorithm: str = "RL") -> list[Chart]:
    """Every curve that the run has numbers for.

    Args:
        run: Its logs.
        algorithm: What its reinforcement learning is called.
    """
    held_out = _HELD_OUT_OPEN if run.open_vocabulary else _HELD_OUT

    def drawn(
        stage: str, title: str, keys: Mapping[str, str], remark: str, unit: str = "", kind: str = "train"
    ) -> Chart | None:
        name = {"sft": "Cold start", "rl": algorithm}[stage]
        series = {label: run.series(stage, kind, key) for label, key in keys.items()}
        return lines(f"{name}: {title}", series, remark, unit=unit, share=not unit)

    logged = run.keys("rl", "train")
    rewards = {"Total": "reward"} | {k.removeprefix("reward/"): k for k in logged if k.startswith("reward/")}
    silent = {k.removeprefix("missing/"): k for k in logged if k.startswith("missing/") and _moves(run, k)}
    charts = [
        drawn("sft", "training loss", {"Loss": "loss"}, "It should fall and level off.", "loss"),
        drawn("sft", "held-out scores", held_out, _ON_HELD_OUT, kind="eval"),
        drawn("rl", "reward", rewards, "Higher is better.", "reward"),
        drawn("rl", "held-out scores", held_out, _ON_HELD_OUT, kind="eval"),
        drawn("rl", "majority votes", _VOTES, _ON_VOTES),
        drawn("rl", "groups without a signal", {"Share": "zero_variance_share"}, _ON_SIGNAL),
        drawn("rl", "entropy", {"Entropy": "entropy"}, _ON_ENTROPY, "nats per token"),
        drawn("rl", "length of the answers", {"Length": "completion_tokens"}, _ON_LENGTH, "tokens"),
        drawn("rl", "emotions named", _LABELS, _ON_LABELS, "labels"),
        drawn("rl", "sameness", _SAMENESS, _ON_SAMENESS),
        drawn("rl", "judged in vain", silent, _ON_SILENT),
        drawn("rl", "rollout against update", {"Correlation": "logprob_corr"}, _ON_HEALTH, "correlation"),
        drawn("rl", "training loss", {"Loss": "loss"}, _ON_LOSS, "loss"),
        drawn("rl", "distance from the start", {"KL": "kl", "Drift": "drift"}, _ON_DRIFT, "nats per token"),
    ]
    return [c for c in charts if c]


def _moves(run: Run, key: str) -> bool:
    """Whether a figure is ever anything but 0."""
    return any(value for _, value in run.series("rl", "train", key))


_HELD_OUT = {"WAR": "war", "UAR": "uar", "Parse rate": "parse_rate"}
_HELD_OUT_OPEN = {"EW": "ew", "Precision": "ew_precision", "Recall": "ew_recall", "Parse rate": "parse_rate"}
_VOTES = {
    "Majority ratio": "majority_ratio",
    "Votes right": "vote_accuracy",
    "Answers right": "answer_accuracy",
    "Rewards right": "reward_accuracy",
    "Most frequent vote": "top_vote_share",
}
_LABELS = {"Answers": "labels_per_answer", "References": "reference_labels"}
_SAMENESS = {
    "Same in a group": "same_answer_share",
    "Same to all clips": "top_answer_share",
    "Labels repeated": "duplicate_share",
}
_ON_HELD_OUT = "These clips, often only some of the test clips, were not trained on."
_ON_VOTES = (
    "The majority ratio is the share of a clip's answers that agree with its vote. What is right is known where clips "
    "have labels; no reward saw it. A most frequent vote near 1 is a collapse."
)
_ON_SIGNAL = "In these groups all answers earned the same, so nothing was learned from them."
_ON_ENTROPY = "How undecided the model is; at 0 it has stopped trying anything else."
_ON_LENGTH = "A steady climb or fall may mean that length, not the answer, is being rewarded."
_ON_LABELS = "Lists that grow beyond the references' may mean that their length is being rewarded."
_ON_SAMENESS = "When answers are the same whatever the clip, it is no longer looked at."
_ON_SILENT = "Share of answers to which a reward gave no value; they count as their group's mean."
_ON_HEALTH = "Of the log-probabilities while sampling and in the update; below 0.99 something is off."
_ON_LOSS = "In RL it stays near 0 and says little about progress; the reward tells."
_ON_DRIFT = "How far the answers have moved away."
