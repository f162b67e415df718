"""The model card of what ranks: where the weights come from, on what, how good, and their limits.

After Mitchell et al. 2019, "Model Cards for Model Reporting" (https://arxiv.org/abs/1810.03993).
"""

from __future__ import annotations

import json
from typing import Any

from advisor.knowledge import Knowledge
from advisor.settings import PACKAGE

ENCODER = PACKAGE / "model" / "encoder.json"


def model_card(ranker: dict[str, Any], knowledge: Knowledge) -> str:
    """The card as Markdown, for the values that `dladvisor fit` wrote to ranker.json."""
    found = ranker["taught"]["held_out"]
    whole = ranker["ablation"]["everything"]
    wordings = sum(len(entry.wordings) + len(entry.symptoms) for entry in knowledge)
    asked = ranker["questions"]
    return f"""# Model card: dladvisor's ranker

Written by `{ranker["made_by"]}` on {ranker["made_on"]}; `dladvisor train` makes everything again
from the repository alone, with fixed seeds, on a CPU.

## Parts

{_encoder(ranker["encoder"])}
- Two softmax regressions (`learned.npz`) from a question's vector and from its words to an entry
  or to "none of these".
- A linear score over {len(ranker["taught"]["features"])} features, with a probability
  (`ranker.json`), and one over those that need no encoder (`keyword_ranker.json`).

## Intended use

English descriptions of trouble with training or using neural networks, to find entries of this
knowledge base. The probability is that of "this entry helps", not of a diagnosis. Not for other
languages or other software, and no ground for decisions about people.

## Data

- {len(knowledge)} entries with {wordings:,} symptoms and wordings.
- {asked["in_scope"]:,} judged questions in scope and {asked["out_of_scope"]:,} to decline:
  re-worded posts and invented questions, each graded by one rater. Who wrote and graded which
  stands in `kb/judged/README.md`.
- Test questions (`tests/questions/`) are by other hands; a test proves that they share no
  question with the above.

## Measured

On questions that the fold's weights have not seen ({asked["in_scope"] + asked["out_of_scope"]:,}
in 4 folds):

| | |
|---|---|
| a right entry first | {whole["hit@1"]:.1%} |
| a right entry among three | {whole["hit@3"]:.1%} |
| in scope answered with "match" | {found["in_scope_matched"]:.1%} |
| in scope declined | {found["in_scope_declined"]:.1%} |
| out of scope answered with "match" | {found["out_of_scope_matched"]:.1%} |
| out of scope declined | {found["out_of_scope_declined"]:.1%} |
| expected calibration error | {found["calibration_error"]:.3f} |

docs/measured.md has the test questions, with intervals and baselines.

## Limits

- The head is tuned on all judged questions, so what is measured on them flatters it a little.
- One rater a question: a second reader would grade some differently.
- Entries that are newer than the fit, a team's own among them, are ranked without the
  classifiers, and less well.
- The encoder reads the first 256 tokens (some 1,200 characters) after stack frames and repeated
  log lines are left out; keywords and the numbers of a log are read throughout.
"""


def _encoder(name: str) -> str:
    shipped = json.loads(ENCODER.read_text(encoding="utf-8"))
    if shipped["name"] != name:
        return f"- Encoder: {name}, not the one that is shipped."
    return (
        f"- Encoder: {shipped['base']} (sha256 `{shipped['base_sha256']}`, licence "
        f"{shipped['licence']}) with a linear head tuned on wordings and judged questions, as "
        f"ONNX with {shipped['weights']} (sha256 `{shipped['sha256']}`)."
    )
