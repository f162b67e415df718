"""Tune the encoder: a linear head on the frozen base model, trained on this knowledge base.

Training all of MiniLM costs 6 to 20 s a step on 2 cores. A 384x384 matrix after the pooling
sees every text as one cached vector, so that each step compares 400 questions with thousands
of passages and the whole training takes a minute. The matrix starts as the identity and is
held near it, so that general wording is not lost.

The loss is the cross-entropy of an entry given a question, an entry's score being the
log-sum-exp of the cosines to its passages. Wordings teach one entry each; judged questions
teach their graded list (grade 2 counts 1, grade 1 counts 0.4).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from advisor.encoder import Encoder, Floats, OnnxEncoder
from advisor.errors import MissingExtra
from advisor.judged import HALF_RIGHT
from advisor.knowledge import Knowledge
from advisor.passages import SPOKEN, split

HEAD = Path(__file__).resolve().parent / "head.npy"
EPOCHS = 3
BATCH = 384
RATE = 1e-3
TEMPERATURE = 0.07
# Pull towards the identity: mean squared distance of the matrix's rows, times this.
HOLD = 1.0
JUDGED_WEIGHT = 3.0

# Share of all passages that a batch is compared with; anchors are never among them.
COMPARED = 0.3
SEED = 0


def load_head() -> Floats:
    """The head in this repository, shape (384, 384), float32."""
    return np.asarray(np.load(HEAD), np.float32)


def untuned(folder: Path) -> OnnxEncoder:
    """The base model inside the encoder of a folder."""
    return OnnxEncoder(folder, tuned=False)


def tune_head(knowledge: Knowledge, base: Encoder, report: Any = print) -> Floats:
    """The head, shape (dimension, dimension), float32; raises MissingExtra without torch."""
    try:
        import torch
    except ImportError as error:
        raise MissingExtra("Tuning the encoder", "train") from error
    torch.manual_seed(SEED)
    number = {entry_id: place for place, entry_id in enumerate(knowledge.entries)}
    owners, texts, spoken = _passages(knowledge)
    posts = [item for item in knowledge.judged if any(name in number for name in item.grades)]
    passages = torch.from_numpy(base.encode(texts))
    questions = torch.from_numpy(base.encode([item.question for item in posts]))
    targets = torch.zeros(len(posts), len(number))
    for row, item in enumerate(posts):
        for name, grade in item.grades.items():
            if name in number:
                targets[row, number[name]] = 1.0 if grade == 2 else HALF_RIGHT
    targets /= targets.sum(1, keepdim=True).clamp(min=1e-9)
    owner = torch.from_numpy(owners)
    anchors = torch.from_numpy(np.flatnonzero(spoken))
    identity = torch.eye(base.dimension)
    head = identity.clone().requires_grad_(True)
    optimizer = torch.optim.Adam([head], lr=RATE)
    steps = EPOCHS * (len(anchors) // BATCH)
    normalize = torch.nn.functional.normalize

    def entry_scores(asked: Any, compared: Any) -> Any:
        """Log-sum-exp of similarities by entry, shape (asked, entries)."""
        near = asked @ normalize(passages[compared] @ head, dim=1).T / TEMPERATURE
        place = owner[compared].expand(len(asked), -1)
        top = near.max(dim=1, keepdim=True).values.detach()
        sums = torch.zeros(len(asked), len(number)).scatter_add(1, place, torch.exp(near - top))
        return torch.log(sums.clamp(min=1e-30)) + top

    step = 0
    for epoch in range(EPOCHS):
        order = anchors[torch.randperm(len(anchors))]
        shuffled = torch.randperm(len(posts))
        for part in range(len(order) // BATCH):
            for group in optimizer.param_groups:
                group["lr"] = RATE * max(0.05, 1 - step / steps)
            step += 1
            mine = order[part * BATCH : (part + 1) * BATCH]
            drawn = torch.nonzero(torch.rand(len(owner)) < COMPARED).flatten()
            compared = drawn[~torch.isin(drawn, mine)]
            scores = entry_scores(normalize(passages[mine] @ head, dim=1), compared)
            loss = torch.nn.functional.cross_entropy(scores, owner[mine])
            share = len(posts) * BATCH // len(order)
            some = shuffled[part * share : (part + 1) * share]
            if len(some):
                judged = entry_scores(normalize(questions[some] @ head, dim=1), compared)
                graded = -(targets[some] * torch.log_softmax(judged, 1)).sum(1).mean()
                loss = loss + JUDGED_WEIGHT * graded
            loss = loss + HOLD * ((head - identity) ** 2).sum() / base.dimension
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        report(f"epoch {epoch + 1} of {EPOCHS}: loss {loss.item():.3f}")
    return np.asarray(head.detach().numpy(), np.float32)


def _passages(knowledge: Knowledge) -> tuple[Any, list[str], Sequence[bool]]:
    """Entry number, text and whether a sufferer says it, for titles and spoken passages."""
    owners, texts, spoken = [], [], []
    for number, entry in enumerate(knowledge):
        for passage in split(entry):
            if passage.kind in (*SPOKEN, "title"):
                owners.append(number)
                texts.append(passage.text)
                spoken.append(passage.kind in SPOKEN)
    return np.array(owners, np.int64), texts, spoken
