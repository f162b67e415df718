"""Records docs/slack-exchange.md: what goes over the wire between the bot and Slack.

A real process of `dladvisor slack --http` with the real entries, and the loopback Slack of the
tests. Run it again after a change: python tests/record_slack.py
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import httpx
import slack_api as slack
from conftest import ROOT
from servers import free_port, wait_until

QUESTION = "my training loss spikes after a few thousand steps"


def lines(blocks: list[dict[str, Any]]) -> list[str]:
    """Blocks as a person sees them."""
    found = []
    for block in blocks:
        if block["type"] == "actions":
            names = [button["text"]["text"] for button in block["elements"]]
            found.append("  ".join(f"[{name}]" for name in names))
        else:
            text = "".join(slack.strings(block))
            found += text.rstrip("\n").split("\n")
    return found


def main() -> None:
    api = slack.SlackApi()
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "advisor", "slack", "--http", "--port", str(port)),
                *("--state", f"{folder}/state.sqlite", "--api-url", api.url),
            ],
            env={
                **os.environ,
                "SLACK_BOT_TOKEN": slack.TOKEN,
                "SLACK_SIGNING_SECRET": slack.SIGNING,
            },
            cwd=ROOT,
        )

        def alive() -> bool:
            try:
                return httpx.get(f"http://127.0.0.1:{port}/healthz").status_code == 200
            except httpx.HTTPError:
                return False

        out = [
            "## A recorded exchange",
            "",
            "Recorded by `tests/record_slack.py` between this bot and a Slack API on loopback. "
            "Buttons are in brackets.",
        ]

        def exchange(title: str, payload: dict[str, Any]) -> dict[str, Any]:
            before = len(api.posted)
            body, headers = slack.as_request(payload)
            answer = httpx.post(
                f"http://127.0.0.1:{port}/slack/events", content=body, headers=headers
            )
            seconds = answer.elapsed.total_seconds()
            slack.until(lambda: len(api.posted) > before, 60)
            posted = api.posted[-1]
            about = posted["metadata"]["event_payload"]
            out.extend(
                [
                    "",
                    f"**{title}**",
                    "",
                    "```text",
                    f"Slack → bot   POST /slack/events   {headers['content-type']}",
                    f"              x-slack-signature: {headers['x-slack-signature'][:12]}…",
                    f"bot → Slack   {answer.status_code}, after {seconds:.2f} s",
                    f"bot → Slack   POST chat.postMessage   channel {posted['channel']}, "
                    f"thread {posted['thread_ts']}, answers {about['key']}",
                    "",
                    *lines(posted["blocks"]),
                    "```",
                ]
            )
            return posted

        try:
            wait_until(alive, 120)
            asked = slack.mention(QUESTION)
            thread = asked["event"]["ts"]
            first = exchange(f"Ann mentions the bot: “@dladvisor {QUESTION}”", asked)
            shown = slack.buttons(first)
            if "next_question" in shown:
                press = slack.press(shown["next_question"], api.response_url(), thread)
                question = exchange("Ann presses *Next question*", press)
                answers = slack.buttons(question).values()
                chosen = max(answers, key=lambda button: "suddenly" in button["text"]["text"])
                press = slack.press(chosen, api.response_url(), thread)
                exchange(f"Ann presses *{chosen['text']['text']}*", press)
            entry, row = first["blocks"][1:3]
            entry["elements"][0]["elements"] = entry["elements"][0]["elements"][:5]
            row["elements"] = row["elements"][:1]
            out += ["", "Two blocks of the first message, cut short:", "", "```json"]
            out += [json.dumps([entry, row], indent=1, ensure_ascii=False), "```"]
        finally:
            process.terminate()
            process.wait()
            api.close()
    text = "\n".join(out).replace(api.url, "http://loopback/api/") + "\n"
    Path(ROOT / "docs" / "slack-exchange.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
