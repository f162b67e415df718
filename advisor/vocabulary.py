"""The closed lists an entry chooses from.

Observables are what a person would see in a log or on a plot. Each value must be
visible without knowing the cause: follow-up questions are asked from them.
"""

from __future__ import annotations

from typing import Literal, get_args

Category = Literal[
    "optimization",
    "numerics",
    "initialization",
    "data",
    "labels",
    "generalization",
    "regularization",
    "evaluation",
    "architecture",
    "loss",
    "fine-tuning",
    "sequence-models",
    "transformers-llm",
    "generative",
    "detection-segmentation",
    "rl",
    "distributed",
    "memory",
    "throughput",
    "reproducibility",
    "debugging",
    "monitoring",
    "deployment",
]

Stage = Literal[
    "any",
    "data-preparation",
    "model-design",
    "training",
    "fine-tuning",
    "tuning",
    "evaluation",
    "distributed-training",
    "resuming",
    "deployment",
]

Framework = Literal[
    "any",
    "pytorch",
    "lightning",
    "keras",
    "tensorflow",
    "jax",
    "transformers",
    "peft",
    "trl",
    "accelerate",
    "deepspeed",
    "diffusers",
    "ultralytics",
    "stable-baselines3",
    "scikit-learn",
    "onnx",
]

Architecture = Literal[
    "any",
    "mlp",
    "cnn",
    "rnn",
    "transformer",
    "llm",
    "vit",
    "autoencoder",
    "gan",
    "diffusion",
    "gnn",
    "detector",
    "segmenter",
    "embedding",
    "rl-agent",
    "speech",
    "time-series",
    "recommender",
    "mixture-of-experts",
]

Evidence = Literal["demonstrated", "established", "reported", "contested"]

# name -> (the question in plain words, the values one may see)
OBSERVABLES: dict[str, tuple[str, tuple[str, ...]]] = {
    "train_loss": (
        "What does the training loss do?",
        (
            "falling",
            "falling-slowly",
            "flat",
            "rising",
            "spiking",
            "oscillating",
            "nan",
            "zero",
            "negative",
        ),
    ),
    "val_loss": (
        "What does the validation loss do?",
        ("falling", "flat", "rising", "oscillating", "nan", "below-train"),
    ),
    "train_metric": (
        "What does the training accuracy (or other score) do?",
        ("rising", "flat", "at-chance", "near-perfect", "falling"),
    ),
    "val_metric": (
        "What does the validation accuracy (or other score) do?",
        ("rising", "flat", "at-chance", "too-good", "falling", "jumping", "zero", "above-train"),
    ),
    "gap": (
        "How far apart are the training and validation results?",
        ("none", "small", "large", "reversed"),
    ),
    "gradients": (
        "What do the gradient norms look like?",
        ("normal", "vanishing", "exploding", "zero", "nan", "none"),
    ),
    "updates": (
        "How much do the weights change at each step?",
        ("normal", "too-small", "too-large", "zero"),
    ),
    "activations": (
        "What do the activations look like?",
        ("normal", "dead", "saturated", "growing", "constant", "nan"),
    ),
    "outputs": (
        "What do the model's outputs look like?",
        (
            "plausible",
            "constant",
            "one-class",
            "all-identical",
            "blurry",
            "noisy",
            "repetitive",
            "garbage",
            "artifacts",
            "out-of-range",
            "overconfident",
            "empty",
            "shifted",
            "truncated",
        ),
    ),
    "onset": (
        "When does it begin?",
        (
            "first-step",
            "first-hundred-steps",
            "first-epoch",
            "later-suddenly",
            "later-gradually",
            "epoch-boundary",
            "at-validation",
            "after-resume",
            "after-a-change",
            "at-inference",
            "before-training",
            "at-exit",
        ),
    ),
    "repeats": (
        "When you run it again, does it happen the same way?",
        ("same-step", "varying-step", "every-epoch", "some-seeds", "every-run", "once"),
    ),
    "only_with": (
        "Does it go away when you change one of these?",
        (
            "fp16",
            "bf16",
            "int8",
            "multi-gpu",
            "multi-node",
            "eval-mode",
            "train-mode",
            "small-batch",
            "large-batch",
            "long-sequences",
            "padding",
            "compile",
            "export",
            "workers",
            "gpu",
            "resume",
            "accumulation",
            "frozen-layers",
            "new-data",
        ),
    ),
    "stops_with": (
        "Does the program stop or hang?",
        (
            "nothing",
            "error-message",
            "out-of-memory",
            "hang",
            "segfault",
            "killed",
            "warning",
        ),
    ),
    "memory": (
        "What does memory use do?",
        ("stable", "gpu-too-high", "gpu-growing", "host-growing", "peak-at-validation"),
    ),
    "speed": (
        "How fast does it run?",
        (
            "normal",
            "slow-throughout",
            "slowing-down",
            "gpu-idle",
            "pauses",
            "no-faster-with-more-gpus",
        ),
    ),
    "data_trait": (
        "Which of these describes your data?",
        (
            "small",
            "imbalanced",
            "noisy-labels",
            "sorted",
            "time-ordered",
            "grouped",
            "duplicated",
            "variable-length",
            "unscaled",
            "augmented",
            "from-another-domain",
        ),
    ),
}


def members(literal: object) -> tuple[str, ...]:
    """The values of one of the Literal types above, in their listed order."""
    return get_args(literal)


CATEGORIES = members(Category)
STAGES = members(Stage)
FRAMEWORKS = members(Framework)
ARCHITECTURES = members(Architecture)
EVIDENCE = members(Evidence)

# How a category is called where people read it; the others are their own name.
_CATEGORY_NAMES = {
    "sequence-models": "Sequence models",
    "transformers-llm": "Transformers and LLMs",
    "detection-segmentation": "Detection and segmentation",
    "rl": "Reinforcement learning",
    "distributed": "Distributed training",
    "fine-tuning": "Fine-tuning",
    "generative": "Generative models",
}


def category_name(category: str) -> str:
    """A category's name for people."""
    return _CATEGORY_NAMES.get(category, category.capitalize())


# The headings of the note that the knowledge base grew from (seed), word for word.
SEED_HEADINGS = (
    "gradients w.r.t. input is too small",
    "training loss explods or diverges",
    "training loss is not stable",
    "how many epoch is enough for training",
    "how many epoch is enough for training: training",
    "how many epoch is enough for training: fine-tuning",
    "training loss oscillation",
    "general setting of learning parameters",
    "general pre-processing tricks",
    "the scale of the model",
    "how to set kernel size and stride in deconvolution layer",
    "help model to converge faster",
    "convolutional filter size selection",
    "usage of validation set",
    "momentum",
    "batch_size",
    "weird crash of executable",
    "with nans",
    "overfitting?",
    "fast way to check if the model is reasonable",
    "baby sitting the learning process of the model",
    "learning rate setting for finetuning",
    "proper weights of multiple losses",
    "interpretation of deep learning models",
)

# The body's headings, in the order they must come in; the first is required.
BODY_HEADINGS = ("Why", "Example", "When it is something else")
