"""Cold and warm time and memory of `dladvisor ask` against the plain script, in one run.

Run in the train environment: `make benchmark`. Cold runs alternate, so that a noisy machine
slows both; the ratio is the median of the pairs' ratios.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
QUESTION = "loss becomes nan after 300 steps"
PAIRS = 7
WARM = 200


def measured(command: list[str]) -> tuple[float, float]:
    """Seconds and peak MB of a command as a whole process."""
    begin = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command} failed")
    return time.perf_counter() - begin, usage.ru_maxrss / 1024


def questions() -> list[str]:
    lines = (HERE.parent / "questions" / "judged.jsonl").read_text().splitlines()
    return [" ".join(json.loads(line)["question"].split()) for line in lines[:WARM]]


def warm_ours() -> list[float]:
    from advisor.answer import open_advisor
    from advisor.settings import from_environment

    advisor = open_advisor(from_environment())
    advisor.ask(QUESTION)
    times = []
    for question in questions():
        begin = time.perf_counter()
        advisor.ask(question)
        times.append(1000 * (time.perf_counter() - begin))
    return times


def warm_plain(folder: str) -> list[float]:
    done = subprocess.run(
        [sys.executable, str(HERE / "plain.py"), "warm", folder],
        input="\n".join([QUESTION, *questions()]),
        capture_output=True,
        text=True,
        check=True,
    )
    return [float(line) for line in done.stdout.split()][1:]


def batch_rate() -> float:
    """Questions a second of `ask --batch --json`, start-up included."""
    text = "\n".join(questions())
    begin = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "advisor", "ask", "--batch", "--json"],
        input=text.encode(),
        stdout=subprocess.DEVNULL,
        check=True,
    )
    return WARM / (time.perf_counter() - begin)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        plain = [sys.executable, str(HERE / "plain.py")]
        subprocess.run([*plain, "build", folder], check=True, capture_output=True)
        ours = [sys.executable, "-m", "advisor", "ask", QUESTION]
        theirs = [*plain, "ask", folder, QUESTION]
        measured(ours)
        measured(theirs)
        pairs = [(measured(ours), measured(theirs)) for _ in range(PAIRS)]
        mine, plain_times = warm_ours(), warm_plain(folder)
    cold = [pair[0][0] for pair in pairs]
    cold_plain = [pair[1][0] for pair in pairs]
    ratio = statistics.median(b / a for a, b in zip(cold, cold_plain))
    memory = max(pair[0][1] for pair in pairs), max(pair[1][1] for pair in pairs)

    def centile(times: list[float], share: float) -> float:
        return sorted(times)[int(share * (len(times) - 1))]

    rows = [
        (
            f"cold, s (median of {PAIRS})",
            f"{statistics.median(cold):.2f}",
            f"{statistics.median(cold_plain):.2f}",
        ),
        ("cold, ratio of the pairs", "1", f"{ratio:.1f}"),
        ("peak memory, MB", f"{memory[0]:.0f}", f"{memory[1]:.0f}"),
        *(
            (
                f"warm {name}, ms",
                f"{centile(mine, share):.1f}",
                f"{centile(plain_times, share):.1f}",
            )
            for name, share in (("p50", 0.5), ("p99", 0.99))
        ),
        ("batch, questions/s with start-up", f"{batch_rate():.0f}", ""),
    ]
    lines = ["| | dladvisor | sentence-transformers + FAISS |", "|---|---|---|"]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    lines += [
        "",
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}.",
    ]
    show("benchmark", "\n".join(lines))


def show(part: str, text: str) -> None:
    """Print the text and, after `--page FILE`, put it into that page's part."""
    print(text)
    if "--page" in sys.argv:
        from advisor.study.report import refresh

        page = Path(sys.argv[sys.argv.index("--page") + 1])
        page.write_text(refresh(page.read_text(encoding="utf-8"), {part: text}), encoding="utf-8")


if __name__ == "__main__":
    main()
