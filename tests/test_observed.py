"""What a question's own words say: sentences written for this test, logs, and harmless junk."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor import curves
from advisor.observed import mentioned, observed
from advisor.phrases import PHRASES
from advisor.vocabulary import OBSERVABLES

SENTENCES = [
    ("The training loss keeps going up.", {"train_loss": {"rising"}}),
    ("training loss falls nicely, validation loss rises", {"train_loss": {"falling"},
                                                           "val_loss": {"rising"}}),
    ("train and val loss both decrease", {"train_loss": {"falling"}, "val_loss": {"falling"}}),
    ("the loss does not go down at all", {"train_loss": {"flat"}}),
    ("loss won't ever decrease", {"train_loss": {"flat"}}),
    ("The loss is going down very slowly", {"train_loss": {"falling-slowly"}}),
    ("loss hangs around 2.3", {"train_loss": {"flat"}}),
    ("my loss becomes NaN", {"train_loss": {"nan"}}),
    ("after 300 steps I get nan", {"train_loss": {"nan"}, "onset": {"first-hundred-steps"}}),
    ("nan at step 12000", {"onset": {"later-suddenly"}}),
    ("the loss jumps up and down, very noisy", {"train_loss": {"oscillating"}}),
    ("sometimes the loss spikes and then comes back", {"train_loss": {"spiking"}}),
    ("the loss is negative, how can this be", {"train_loss": {"negative"}}),
    ("exploding gradients in my LSTM", {"gradients": {"exploding"}}),
    ("the gradients are all zero", {"gradients": {"zero"}}),
    ("grad is None for every parameter", {"gradients": {"none"}}),
    ("weights do not change between steps", {"updates": {"zero"}}),
    ("validation accuracy stuck at 50%", {"val_metric": {"flat"}}),
    ("accuracy is no better than random guessing", {"val_metric": {"at-chance"}}),
    ("train accuracy 99%, test accuracy 71%", {"gap": {"large"}}),
    ("train acc 0.81 and val acc 0.80, both low", {"gap": {"none"}}),
    ("val accuracy is higher than training accuracy", {"gap": {"reversed"}}),
    ("it always predicts the same class", {"outputs": {"one-class"}}),
    ("the decoder repeats the same sentence over and over", {"outputs": {"repetitive"}}),
    ("output is gibberish after quantization", {"outputs": {"garbage"}, "only_with": {"int8"}}),
    ("CUDA out of memory at the second epoch", {"stops_with": {"out-of-memory"}}),
    ("RAM keeps growing until the process is killed", {"memory": {"host-growing"},
                                                       "stops_with": {"killed"}}),
    ("it hangs with DDP, one GPU works", {"stops_with": {"hang"}, "only_with": {"multi-gpu"}}),
    ("GPU utilization is 20% and each epoch takes longer", {"speed": {"gpu-idle"}}),
    ("only in fp16, fine in fp32", {"only_with": {"fp16"}}),
    ("since I resumed from the checkpoint the loss is higher", {"onset": {"after-resume"}}),
    ("at the start of every epoch the loss drops like a staircase", {"onset": {"epoch-boundary"}}),
    ("suddenly, in the middle of training", {"onset": {"later-suddenly"}}),
    ("works in the notebook, fails in production", {"onset": {"at-inference"}}),
    ("some seeds train, others do not", {"repeats": {"some-seeds"}}),
    ("our dataset is imbalanced and has duplicates",
     {"data_trait": {"imbalanced", "duplicated"}}),
]  # fmt: skip


@pytest.mark.parametrize(("sentence", "expected"), SENTENCES, ids=[s for s, _ in SENTENCES])
def test_a_sentence_is_read(sentence, expected):
    found = observed(sentence)
    for name, values in expected.items():
        assert values <= set(found.get(name, ())), found


@pytest.mark.parametrize(
    ("sentence", "name", "value"),
    [
        ("accuracy is not flat", "val_metric", "flat"),
        ("the loss is not nan", "train_loss", "nan"),
        ("no out of memory, no error", "stops_with", "out-of-memory"),
        ("there is no overfitting", "gap", "large"),
        ("the gradients never explode", "gradients", "exploding"),
        ("the validation loss rises", "train_loss", "rising"),
        ("it still works after 10 epochs and even after 20", "train_loss", "falling"),
        ("the loss does not go down", "train_loss", "falling"),
        ("without mixed precision", "only_with", "fp16"),
        ("predictions change each time on the same image", "outputs", "all-identical"),
    ],
)
def test_what_is_denied_is_not_observed(sentence, name, value):
    assert value not in observed(sentence).get(name, ())


def test_a_negation_does_not_reach_over_a_comma():
    assert observed("no error, out of memory")["stops_with"] == ("nothing", "out-of-memory")


LOGS = [
    ("loss: 2.31\nloss: 2.30\nloss: 2.30\nloss: 2.30", {"train_loss": "flat"}),
    ("step 1 loss 2.9\nstep 2 loss 2.1\nstep 3 loss 1.2\nstep 4 loss 0.7",
     {"train_loss": "falling"}),
    ("{'loss': 1.2}\n{'loss': 1.0}\n{'loss': nan}\n{'loss': nan}",
     {"train_loss": "nan", "onset": "later-suddenly"}),
    ("[1] loss=0.5\n[2] loss=0.4\n[3] loss=9.1\n[4] loss=0.4\n[5] loss=0.38\n[6] loss=0.35",
     {"train_loss": "spiking"}),
    ("Epoch 1 - loss: 0.9 - acc: 0.60 - val_loss: 0.8 - val_acc: 0.61\n"
     "Epoch 2 - loss: 0.5 - acc: 0.80 - val_loss: 0.7 - val_acc: 0.66\n"
     "Epoch 3 - loss: 0.2 - acc: 0.93 - val_loss: 0.9 - val_acc: 0.65\n"
     "Epoch 4 - loss: 0.1 - acc: 0.99 - val_loss: 1.3 - val_acc: 0.64",
     {"train_loss": "falling", "val_loss": "rising", "gap": "large"}),
    ("epoch | train_loss | val_loss\n------|------|-----\n1 | 2.0 | 2.1\n2 | 1.4 | 2.2\n"
     "3 | 0.9 | 2.9\n4 | 0.4 | 3.8", {"train_loss": "falling", "val_loss": "rising"}),
    ("my losses: 0.693, 0.693, 0.694, 0.693", {"train_loss": "flat"}),
    ("loss: 0.7, 1.0, 0.8, 1.5, 1.1, 2.2, 1.7, 3.3, 2.6, 4.1", {"train_loss": "rising"}),
    ("loss: 0.7, 1.4, 0.6, 1.5, 0.7, 1.3, 0.6, 1.4", {"train_loss": "oscillating"}),
    ("loss 0.0\nloss 0.0\nloss 0.0\nloss 0.0", {"train_loss": "zero"}),
    ("accuracy: 0.5001\naccuracy: 0.5000\naccuracy: 0.5002\naccuracy: 0.5000",
     {"val_metric": "at-chance"}),
    ("grad_norm: nan\ngrad_norm: nan\ngrad_norm: nan", {"gradients": "nan"}),
]  # fmt: skip


@pytest.mark.parametrize(("log", "expected"), LOGS)
def test_the_numbers_of_a_log_are_read(log, expected):
    found = observed(log)
    for name, value in expected.items():
        assert value in found.get(name, ()), found


def test_step_numbers_of_a_log_are_not_when_it_begins():
    assert "onset" not in observed("Epoch 1 loss: 2.0\nEpoch 2 loss: 1.5\nEpoch 3 loss: 1.1")


def test_markdown_and_tracebacks_add_nothing_wrong():
    text = (
        "# Loss is **rising**\n```\nTraceback (most recent call last):\n"
        '  File "train.py", line 7, in step\n    masks = outputs.empty()\n'
        "RuntimeError: size mismatch\n```\n> quoted [link](https://example.org/flat)"
    )
    found = observed(text)
    assert found["train_loss"] == ("rising",)
    assert found["stops_with"] == ("error-message",)
    assert "outputs" not in found


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([3, 2, 1], "falling"),
        ([1, 2, 3], "rising"),
        ([1, 1, 1.01], "flat"),
        ([1, 2, float("inf")], "nan"),
        ([float("nan")], "nan"),
        ([1, 2], ""),
        ([0, 0, 0], "zero"),
        ([0.5, 0.1, -0.4], "negative"),
        ([1, 2, 1, 2, 1, 2], "oscillating"),
        ([1, 1, 9, 1, 1], "spiking"),
        ([], ""),
    ],
)
def test_the_shape_of_a_course(values, expected):
    assert curves.shape(values) == expected


def test_frameworks_and_architectures_are_named():
    found = mentioned("PyTorch Lightning, ResNet50, Stable Baselines3")
    assert found["frameworks"] == ("pytorch", "lightning", "stable-baselines3")
    assert found["architectures"] == ("cnn",)


def test_every_phrase_is_read_as_one_would_type_it():
    from advisor.observed import _TOKEN

    for group in PHRASES.values():
        for words, tag in group:
            if words[0][0].isdigit() or "1e" in words:
                continue
            assert tuple(_TOKEN.findall(" ".join(words))) == words, tag


def test_only_the_vocabulary_is_found():
    for group in PHRASES.values():
        for _, tag in group:
            kind, _, rest = tag.partition(":")
            if kind in ("says", "even"):
                for pair in rest.split("+"):
                    name, _, value = pair.partition("=")
                    assert value in OBSERVABLES[name][1], pair


@given(st.text(max_size=400))
def test_any_text_is_harmless(text):
    for name, values in observed(text).items():
        assert set(values) <= set(OBSERVABLES[name][1])
    mentioned(text)


@pytest.mark.parametrize(
    "piece",
    [
        "step 12 loss: 0.345 lr 0.001\n",
        "the training loss goes up and accuracy is flat. ",
        "a" * 50,
        "loss ",
        "loss=",
        "|loss|",
        "1 ",
        "\n",
        "loss: nan, nan, ",
    ],
)
def test_20000_characters_take_milliseconds(piece):
    text = (piece * 20_000)[:20_000]
    best = min(_seconds(text) for _ in range(5))
    # 1 to 2 ms on a quiet core; the margin is for a shared one.
    assert best < 0.02


def _seconds(text: str) -> float:
    begin = time.perf_counter()
    observed(text)
    return time.perf_counter() - begin
