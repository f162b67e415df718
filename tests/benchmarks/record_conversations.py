"""Record the conversations of docs/recorded.md: the real full-screen advisor in tmux, 80x24.

    python tests/benchmarks/record_conversations.py > docs/recorded.md

Each conversation is a person who knows nothing of the cause, and what they would answer: to each
question, by its id, the value they see. Nothing else is scripted: which question comes, and when
it stops, is up to the advisor. Needs tmux and a ready index; takes about five minutes.
"""

from __future__ import annotations

import json
import os
import shlex
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
MOST_STEPS = 8
CHECK_CONFIRMED = "confirmed"


@dataclass(frozen=True)
class Person:
    """What is wrong, the first sentence, and what this person sees: question id -> value.

    "other" is none of the values that are offered; what is not there they do not know.
    """

    wrong: str
    causes: tuple[str, ...]
    says: str
    sees: dict[str, str]


CHOSEN = """\
Fifteen people were written down before any was tried: what is wrong, the first sentence, and what
they would see. These are the first five, in their order. Of the fifteen, 13 have a right entry
first within four questions; *resumed training and loss is worse than before* and *fp16 training
gives nan* have it second, behind a broader entry. The fourth ended at a wrong entry when first
tried, since its words were misread and two options were unclear; both were mended, and the person
answers as before.
"""

PEOPLE = (
    Person(
        "A language model is pretrained; single spikes of the loss come after 20,000 steps.",
        ("loss-spikes-in-llm-pretraining",),
        "loss suddenly explodes",
        {
            "train_loss": "spiking",
            "val_loss": "falling",
            "gradients": "exploding",
            "onset": "later-suddenly",
            "repeats": "varying-step",
            "outputs": "plausible",
            "stops_with": "nothing",
            "memory": "stable",
            "speed": "normal",
            "frameworks": "pytorch",
            "architectures": "llm",
            "only_with": "other",
        },
    ),
    Person(
        "Losses are added up with their graphs: `total += loss`.",
        ("graph-kept-by-logging",),
        "gpu memory keeps growing until it dies",
        {
            "train_loss": "falling",
            "val_loss": "falling",
            "onset": "later-gradually",
            "repeats": "every-run",
            "stops_with": "out-of-memory",
            "memory": "gpu-growing",
            "speed": "normal",
            "frameworks": "pytorch",
            "architectures": "cnn",
            "only_with": "other",
            "outputs": "plausible",
            "gradients": "normal",
        },
    ),
    Person(
        "Images are resized in another way when the model is served.",
        (
            "train-validation-preprocessing-mismatch",
            "training-serving-skew",
        ),
        "accuracy great offline but bad in production",
        {
            "train_loss": "falling",
            "val_loss": "falling",
            "train_metric": "rising",
            "val_metric": "rising",
            "gap": "small",
            "onset": "at-inference",
            "repeats": "every-run",
            "outputs": "overconfident",
            "stops_with": "nothing",
            "memory": "stable",
            "speed": "normal",
            "frameworks": "pytorch",
            "architectures": "cnn",
            "only_with": "other",
            "data_trait": "other",
        },
    ),
    Person(
        "The model is used without `model.eval()`.",
        ("train-eval-mode-forgotten",),
        "my predictions change every time I run the model on the same image",
        {
            "train_loss": "falling",
            "val_loss": "falling",
            "train_metric": "rising",
            "onset": "at-inference",
            "outputs": "noisy",
            "repeats": "every-run",
            "only_with": "eval-mode",
            "stops_with": "nothing",
            "memory": "stable",
            "speed": "normal",
            "frameworks": "pytorch",
            "architectures": "cnn",
            "gradients": "normal",
        },
    ),
    Person(
        "Several images of one patient lie in both splits.",
        ("split-leakage-by-group",),
        "validation score is too good i dont trust it",
        {
            "train_loss": "falling",
            "val_loss": "falling",
            "train_metric": "near-perfect",
            "val_metric": "too-good",
            "gap": "none",
            "onset": "at-inference",
            "repeats": "every-run",
            "outputs": "plausible",
            "stops_with": "nothing",
            "memory": "stable",
            "speed": "normal",
            "frameworks": "pytorch",
            "architectures": "cnn",
            "data_trait": "grouped",
            "only_with": "new-data",
        },
    ),
)


class Screen:
    """The advisor in a terminal of its own, and the file it keeps its conversation in."""

    def __init__(self, history: Path) -> None:
        self.history = history
        # A server of its own: nobody's settings and environment, and gone with its screen.
        self.socket = str(history.with_name("tmux"))
        own = {k: v for k, v in os.environ.items() if k.startswith(("DLADVISOR_", "PYTHON"))}
        set_to = {**own, "DLADVISOR_HISTORY": str(history)}
        variables = " ".join(f"{name}={shlex.quote(value)}" for name, value in set_to.items())
        command = f"{variables} {sys.executable} -m advisor tui"
        self.tmux("new-session", "-d", "-x", "80", "-y", "24", "-c", str(ROOT), command)
        self.wait_for("entries. What do you see?")

    def tmux(self, *arguments: str, text: str = "") -> str:
        command = ["tmux", "-f", "/dev/null", "-S", self.socket, *arguments]
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=True)
        return done.stdout

    def close(self) -> None:
        self.tmux("kill-server")

    def show(self) -> str:
        return "\n".join(
            line.rstrip() for line in self.tmux("capture-pane", "-p").split("\n")
        ).rstrip()

    def wait_for(self, text: str, seconds: float = 60) -> None:
        end = time.monotonic() + seconds
        while text not in self.show():
            if time.monotonic() > end:
                raise TimeoutError(f"{text!r} did not come:\n{self.show()}")
            time.sleep(0.2)

    def settle(self, turns: int = 0) -> str:
        """The screen when so many turns are kept and it no longer changes for six seconds.

        On a busy machine a reply was drawn in parts, more than three seconds after each other.
        """
        end = time.monotonic() + 90
        while turns and len(self.conversation().get("turns", [])) < turns:
            if time.monotonic() > end:
                raise TimeoutError(f"no turn {turns}:\n{self.show()}")
            time.sleep(0.3)
        same, before = 0, ""
        while same < 6:
            time.sleep(1.0)
            now = self.show()
            same = same + 1 if now == before else 0
            before = now
        return before

    def press(self, *keys: str) -> None:
        self.tmux("send-keys", *keys)

    def conversation(self) -> dict:
        if not self.history.exists():
            return {}
        with closing(sqlite3.connect(self.history)) as database:
            row = database.execute("select body from conversations").fetchone()
        return json.loads(row[0]) if row else {}


def hold(person: Person, advisor) -> tuple[list[tuple[str, str]], str]:
    """(what was done, the screen after it) for each step, and the entry that stands first."""
    from advisor.conversation import Conversation

    steps = []
    with tempfile.TemporaryDirectory() as folder:
        screen = Screen(Path(folder) / "conversations.db")
        try:
            screen.press("-l", person.says)
            screen.press("Enter")
            steps.append((f"The person types *{person.says}*.", screen.settle(1)))
            for _ in range(MOST_STEPS):
                reply = Conversation.from_json(screen.conversation(), advisor).reply()
                ask = reply.ask
                if ask is None:
                    break
                offered = [option.id for option in ask.options]
                if ask.id.startswith("check:"):
                    right = ask.id.removeprefix("check:") in person.causes
                    option = CHECK_CONFIRMED if right else "not-confirmed"
                else:
                    option = person.sees.get(ask.id, "dont-know")
                    option = option if option in offered else "other"
                number = offered.index(option) + 1
                label = ask.options[number - 1].label
                turns = len(screen.conversation()["turns"]) + 1
                screen.press(str(number))
                steps.append((f"**{number}**, *{label}*.", screen.settle(turns)))
            reply = Conversation.from_json(screen.conversation(), advisor).reply()
            return steps, reply.answer.matches[0].entry.id
        finally:
            screen.close()


def main() -> None:
    from advisor import settings
    from advisor.answer import open_advisor

    advisor = open_advisor(settings.from_environment())
    print("---\ntitle: Recorded conversations\n---\n\n# Five conversations, as they went\n")
    print(
        "Recorded from `dladvisor tui` in tmux at 80 columns and 24 lines, by "
        "`tests/benchmarks/record_conversations.py`. The person knows nothing of the cause and "
        "answers what they see; what is asked, and when it ends, is up to the advisor. Each "
        "leads from a vague first sentence to the right entry.\n"
    )
    print(CHOSEN)
    for number, person in enumerate(PEOPLE, start=1):
        steps, first = hold(person, advisor)
        found = "the right entry" if first in person.causes else "NOT the right entry"
        print(f"## {number}. “{person.says}”\n")
        print(f"What is really wrong: {person.wrong} Ends at {found}, `{first}`.\n")
        for did, screen in steps:
            print(f"{did}\n\n```text\n{screen}\n```\n")
        print(f"{number}: {person.causes}: first is {first}", file=sys.stderr)


if __name__ == "__main__":
    main()
