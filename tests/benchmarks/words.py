"""What a small model makes of ten answers: the figures of "Words by a language model".

    python tests/benchmarks/words.py [MODEL.gguf]

Serves the model (without one, that of `make check-llm`) on loopback with llama.cpp's server, asks
ten questions of the real advisor, and prints what came: sentences shown, left out and why, and
the seconds until the first piece and until the end. Needs `make check-llm` and a ready index.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

QUESTIONS = (
    "loss becomes nan after 300 steps",
    "validation accuracy is 20 points below training accuracy",
    "my GAN paints the same face for every input",
    "GPU utilization is at 15% and the data loader takes all the time",
    "CUDA out of memory after a few hundred steps, memory grows all the time",
    "loss stays at 0.693 from the first step, binary classifier",
    "the model predicts the majority class for everything",
    "training with 8 GPUs is no faster than with one",
    "after resuming from the checkpoint the loss jumps up",
    "accuracy falls when I call model.eval()",
)
PAUSE, DEADLINE = 600.0, 900.0


def main() -> None:
    from serving import model_file, serving

    from advisor import settings
    from advisor.answer import open_advisor
    from advisor.llm import Llm, LlmTrouble, likely

    model = Path(sys.argv[1]) if len(sys.argv) > 1 else model_file()
    assert model, "no model: make check-llm, or name one"
    advisor = open_advisor(settings.from_environment())
    kept = nothing = 0
    dropped: Counter[str] = Counter()
    first, whole = [], []
    with serving(model) as (_, url):
        llm = Llm(url, "default", pause=PAUSE, deadline=DEADLINE)
        for question in QUESTIONS:
            answer = advisor.ask(question)
            print(f"\n{question}\n  {[m.entry.id for m in likely(answer)]}", file=sys.stderr)
            begin = time.perf_counter()
            pieces = []

            def note(begin: float = begin, pieces: list[float] = pieces) -> bool:
                pieces.append(time.perf_counter() - begin)
                return False

            shown = 0
            try:
                for sentence in llm.phrase(answer, note):
                    print(f"  {sentence.dropped or 'SHOWN'}: {sentence.text}", file=sys.stderr)
                    if sentence.dropped:
                        dropped[sentence.dropped] += 1
                    else:
                        shown += 1
            except LlmTrouble as trouble:
                print(f"  {trouble.message}", file=sys.stderr)
            kept += shown
            nothing += not shown
            whole.append(time.perf_counter() - begin)
            first += pieces[:1]
    print(f"{model.name}: {len(QUESTIONS)} questions; {nothing} without a sentence to show")
    print(f"sentences shown {kept}, left out {sum(dropped.values())}: {dict(dropped)}")
    for name, seconds in (("first piece", sorted(first)), ("whole reply", sorted(whole))):
        if seconds:
            print(f"{name}: median {seconds[len(seconds) // 2]:.1f} s, at most {seconds[-1]:.1f} s")


if __name__ == "__main__":
    main()
