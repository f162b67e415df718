"""The page Origins: what became of each heading of the note this knowledge base grew from."""

from __future__ import annotations

from advisor.knowledge import Knowledge
from advisor.render import escaped
from advisor.vocabulary import SEED_HEADINGS

# What is known today about each heading's advice, in a sentence.
NOW_KNOWN = {
    "gradients w.r.t. input is too small": "Multiplying the loss by 20 or 100 only scales the "
    "learning rate under SGD and does nothing under Adam; it is the right cure for one thing, "
    "gradients that underflow in fp16.",
    "training loss explods or diverges": "Still the first advice, with better numbers: clip near "
    "the model's own gradient norm (often about 1.0, not 10-100), warm up, and lower the learning "
    "rate last, after data, labels and output size are checked.",
    "training loss is not stable": "Right but incomplete: besides shuffling (in every epoch and, "
    "across GPUs, with a new seed each time), a constant learning rate keeps the loss bouncing.",
    "how many epoch is enough for training": "Budgets are better counted in steps, with the best "
    "checkpoint kept; language models lose little from repeating data up to about four times.",
    "how many epoch is enough for training: training": "The arithmetic of the note is wrong: its "
    "numbers give 10.7 epochs for MNIST and 90 for ImageNet, not 6.4 and 22.5.",
    "how many epoch is enough for training: fine-tuning": "Confirmed: fine-tuning needs few "
    "passes, one to three for instruction-tuning a language model.",
    "training loss oscillation": "The main cure was missing: decay the learning rate, or average "
    "the weights; clipping at every step is only a hidden cut of the rate.",
    "general setting of learning parameters": "One range for all cases guides nobody: defaults "
    "depend on the optimizer; momentum must stay below 1 and AdamW's decay is 0.01 to 0.1.",
    "general pre-processing tricks": "Standardize with statistics of the training split only; ZCA "
    "and local contrast normalization are history, and crops and rotations are augmentation.",
    "the scale of the model": "Parameters need not match samples: larger networks usually "
    "generalize better; halving and doubling is a rule for cost, not for accuracy.",
    "how to set kernel size and stride in deconvolution layer": "What matters is that the kernel "
    "size is divisible by the stride, or to resize and convolve; dilation rates need no common "
    "factor.",
    "help model to converge faster": "Starting the last layers ten times larger is wrong; set the "
    "output bias to the log prior and check that the first loss is ln(classes).",
    "convolutional filter size selection": "3x3 is still the default and 7x7 depthwise works as "
    "well; what is needed is a receptive field that covers the object.",
    "usage of validation set": "One epoch ranks settings unreliably, and folding validation data "
    "into training is for a last release, when nothing is left to choose.",
    "momentum": "Noise in the data is no reason to drop momentum; lower the rate, or average.",
    "batch_size": "Updates divided by batch size means nothing; there is a critical batch size "
    "that can be measured, and every other size needs its own tuning.",
    "weird crash of executable": "Today's version: CUDA reports errors late, and native crashes "
    "are mostly mismatched binaries.",
    "with nans": "log(0) and a/0 are two of many: overflow in fp16, masks, and the gradient of "
    "sqrt or of an unused branch give NaN as well.",
    "overfitting?": "The order changed: more or better data first; dropout and batch "
    "normalization can get in each other's way.",
    "fast way to check if the model is reasonable": "Confirmed, within limits: a model that fits "
    "one batch may still be wrong, but one that cannot is broken.",
    "baby sitting the learning process of the model": "A gap between training and validation is "
    "no harm in itself, and no gap is no order to grow; updates of about 0.001 of the weights are "
    "a good sign.",
    "learning rate setting for finetuning": "It depends on the method: full fine-tuning wants "
    "less than training from scratch, adapters such as LoRA about ten times more.",
    "proper weights of multiple losses": "Equal loss values do not mean equal influence: compare "
    "the gradients on the shared weights.",
    "interpretation of deep learning models": "Kept, with a warning: a saliency map can look "
    "right for a model that learned nothing, so test it on random weights first.",
}


def origins_page(knowledge: Knowledge) -> str:
    """Each heading of the note, what is now known, and the entries that carry it on."""
    lines = [
        "---",
        "title: Origins",
        "---",
        "",
        "# Origins",
        "",
        "dladvisor grew from a note of about 2016, *Deep Learning Practical Tricks*, with 22 "
        "headings and two notes on epochs. Each of them lives on in the entries below. Where "
        "knowledge has moved on, the entry says so.",
        "",
    ]
    for heading in SEED_HEADINGS:
        carried = [entry for entry in knowledge if entry.seed == heading]
        lines += [f"## {escaped(heading)}", "", escaped(NOW_KNOWN[heading]), ""]
        lines += [f"- [{escaped(entry.title)}]({entry.id}.md)" for entry in carried]
        lines.append("")
    return "\n".join(lines)
