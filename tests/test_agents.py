"""MCP through the SDK's real client: stdio and streamable HTTP, real processes."""

from __future__ import annotations

import contextlib
import json
import re
import shlex
import shutil
import subprocess
import sys
import time

import pytest
from conftest import ROOT, SMALL_KB

pytest.importorskip("mcp")
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters
from mcp.shared.exceptions import MCPError
from servers import free_port, small_environment, wait_until

from advisor.feedback import Feedback

ROCKET = "loss climbs like a rocket"
SKILL = (ROOT / "advisor" / "agents" / "SKILL.md").read_text()


def stdio(kb=SMALL_KB, **variables: str) -> StdioServerParameters:
    return StdioServerParameters(
        command=sys.executable,
        args=["-m", "advisor", "mcp"],
        env=small_environment(kb, **variables),
        cwd=str(ROOT),
    )


async def test_searching_and_reading_give_structured_content(tmp_path):
    async with Client(stdio()) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert set(tools) == {
            *("search_tricks", "get_trick", "list_tricks"),
            *("start_conversation", "continue_conversation"),
        }
        assert all(tool.description and tool.output_schema for tool in tools.values())
        done = await client.call_tool("search_tricks", {"question": ROCKET, "top": 2})
        assert not done.is_error
        found = done.structured_content
        assert found["matches"][0]["id"] == "rocket-loss"
        assert len(found["matches"]) == 2
        assert found["matches"][0]["checks"][0]["expect"]
        done = await client.call_tool("get_trick", {"entry_id": "rocket-loss"})
        assert done.structured_content["title"] == "Step size above the limit"
        assert "path" not in done.structured_content
        done = await client.call_tool("list_tricks", {"category": "generative"})
        assert done.structured_content["entries"] == [
            {"id": "same-face", "title": "Generator shows one sample", "category": "generative"}
        ]


async def test_mistakes_are_sentences_that_help():
    async with Client(stdio()) as client:
        done = await client.call_tool("get_trick", {"entry_id": "rocket-lose"})
        assert done.is_error
        assert "rocket-loss" in done.content[0].text
        done = await client.call_tool("search_tricks", {"question": "123"})
        assert done.is_error
        assert "no words" in done.content[0].text
        # No command of the terminal is named, which a model would try to run.
        assert "dladvisor" not in done.content[0].text
        done = await client.call_tool("get_trick", {"entry_id": "zzz"})
        assert done.content[0].text.endswith("'zzz'. list_tricks lists them.")
        done = await client.call_tool("search_tricks", {"question": "x", "category": "memroy"})
        assert done.is_error
        assert "category: Input should be 'optimization', 'numerics'" in done.content[0].text
        # Nothing of a programmer's error, nor an address to look it up.
        assert "pydantic" not in done.content[0].text
        done = await client.call_tool("search_tricks", {})
        assert "question: Field required. search_tricks takes: question, top" in (
            done.content[0].text
        )
        done = await client.call_tool("search_trick", {})
        assert "There are: search_tricks, get_trick" in done.content[0].text
        done = await client.call_tool("continue_conversation", {"conversation_id": "no"})
        assert done.is_error
        done = await client.call_tool(
            "continue_conversation", {"conversation_id": "no", "undo": True}
        )
        assert "start_conversation" in done.content[0].text


@pytest.mark.parametrize(
    ("name", "arguments", "wrong"),
    [
        ("search_tricks", {"question": ROCKET, "evidence": "demonstrated"}, "evidence"),
        ("list_tricks", {"architecture": "cnn"}, "architecture"),
        ("start_conversation", {"question": ROCKET}, "question"),
    ],
)
async def test_an_argument_that_does_not_exist_is_refused(name, arguments, wrong):
    async with Client(stdio()) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert tools[name].input_schema["additionalProperties"] is False
        done = await client.call_tool(name, arguments)
        assert done.is_error
        assert f"There is no argument '{wrong}'. {name} takes: " in done.content[0].text


async def test_a_conversation_narrows_it_down():
    async with Client(stdio()) as client:
        done = await client.call_tool("start_conversation", {"text": "something is wrong with it"})
        first = done.structured_content
        key = first["conversation_id"]
        asked = first["ask"]
        turn = {"question": asked["id"], "option": asked["options"][0]["id"]}
        done = await client.call_tool("continue_conversation", {"conversation_id": key, **turn})
        assert not done.is_error
        done = await client.call_tool(
            "continue_conversation", {"conversation_id": key, "reject": first["matches"][0]["id"]}
        )
        left = [match["id"] for match in done.structured_content["matches"]]
        assert first["matches"][0]["id"] not in left
        for _ in range(2):
            done = await client.call_tool(
                "continue_conversation", {"conversation_id": key, "undo": True}
            )
        assert done.structured_content["matches"] == first["matches"]
        done = await client.call_tool(
            "continue_conversation", {"conversation_id": key, "undo": True}
        )
        assert done.is_error


async def test_entries_are_resources():
    async with Client(stdio()) as client:
        listed = (await client.list_resources()).resources
        assert str(listed[0].uri) == "dladvisor://entries/flat-loss"
        assert len(listed) == 5
        read = await client.read_resource("dladvisor://entries/rocket-loss")
        assert read.contents[0].text.startswith("# Step size above")
        with pytest.raises(MCPError, match="rocket-loss"):
            await client.read_resource("dladvisor://entries/rocket-lose")


async def test_votes_are_offered_where_feedback_is_kept(tmp_path):
    kept = tmp_path / "f.sqlite"
    async with Client(stdio(DLADVISOR_FEEDBACK=str(kept))) as client:
        done = await client.call_tool("search_tricks", {"question": ROCKET})
        vote = {"question_id": done.structured_content["question_id"], "helpful": False}
        done = await client.call_tool("vote", vote)
        assert done.structured_content == {"entry": "rocket-loss", "helpful": False}
        done = await client.call_tool("vote", {**vote, "entry": "rocket-lose"})
        assert done.is_error
    (asked,) = Feedback(kept, 30).questions()
    assert (asked.surface, asked.not_helpful) == ("mcp", {"rocket-loss": 1})


async def test_what_a_conversation_led_to_can_be_voted_for(tmp_path):
    kept = tmp_path / "f.sqlite"
    async with Client(stdio(DLADVISOR_FEEDBACK=str(kept))) as client:
        done = await client.call_tool("start_conversation", {"text": ROCKET, "top": 1})
        first = done.structured_content
        more = {"reject": first["matches"][0]["id"]}
        done = await client.call_tool(
            "continue_conversation", {"conversation_id": first["conversation_id"], **more}
        )
        after = done.structured_content
        # It is still that one question, whoever reads the last reply only.
        assert after["question_id"] == first["question_id"]
        entry = after["matches"][0]["id"]
        vote = {"question_id": after["question_id"], "helpful": True, "entry": entry}
        done = await client.call_tool("vote", vote)
        assert not done.is_error
    (asked,) = Feedback(kept, 30).questions()
    assert asked.shown == ("rocket-loss",)
    assert asked.helpful == {entry: 1}


async def test_changed_entries_are_taken_in_while_an_agent_is_connected(tmp_path):
    kb = tmp_path / "kb"
    shutil.copytree(SMALL_KB, kb)
    async with Client(stdio(kb, DLADVISOR_CACHE=str(tmp_path / "c")), cache=None) as client:
        assert len((await client.list_resources()).resources) == 5
        text = (kb / "rocket-loss.md").read_text()
        (kb / "new-one.md").write_text(text.replace("Step size above", "A step size above"))
        for _ in range(300):
            if len((await client.list_resources()).resources) == 6:
                break
            time.sleep(0.2)
        done = await client.call_tool("get_trick", {"entry_id": "new-one"})
        assert not done.is_error
        # Another change at the same time tells when the broken file has been seen.
        (kb / "new-one.md").write_text("broken")
        (kb / "rocket-loss.md").write_text(text.replace("Step size above", "Any step above"))
        for _ in range(300):
            done = await client.call_tool("get_trick", {"entry_id": "rocket-loss"})
            if done.structured_content["title"].startswith("Any step"):
                break
            time.sleep(0.2)
        assert done.structured_content["title"] == "Any step above the limit"
        done = await client.call_tool("get_trick", {"entry_id": "new-one"})
        assert done.structured_content["title"] == "A step size above the limit"


async def test_several_agents_share_one_server_over_http(tmp_path):
    port = free_port()
    log = (tmp_path / "log").open("wb")
    process = subprocess.Popen(
        [sys.executable, "-m", "advisor", "mcp", "--http", "--port", str(port)],
        # A cache of its own: making the index must say nothing but what is meant for people.
        env=small_environment(DLADVISOR_CACHE=str(tmp_path / "cache")),
        cwd=ROOT,
        stdout=log,
        stderr=log,
    )
    try:
        wait_until(lambda: reachable(port), 180)
        address = f"http://127.0.0.1:{port}/mcp"
        async with Client(address) as one, Client(address) as other:
            for client in (one, other):
                done = await client.call_tool("search_tricks", {"question": ROCKET})
                assert done.structured_content["matches"][0]["id"] == "rocket-loss"
    finally:
        process.terminate()
        process.wait(timeout=30)
        log.close()
    said = (tmp_path / "log").read_text()
    assert "rocket" not in said
    assert "The index is made first" in said
    assert "from IDs" not in said


def reachable(port: int) -> bool:
    import socket

    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def test_the_skill_is_printed(run_cli):
    assert run_cli("mcp", "--skill").stdout == SKILL
    assert SKILL.startswith("---\nname: dladvisor\ndescription: ")


def fields(schema: dict) -> set[str]:
    """Every field of a result, also of what lies within it."""
    parts = [schema, *schema.get("$defs", {}).values()]
    return {name for part in parts for name in part.get("properties", {})}


async def test_every_name_in_the_skill_exists_with_feedback_on(tmp_path):
    async with Client(stdio(DLADVISOR_FEEDBACK=str(tmp_path / "f.sqlite"))) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        done = await client.call_tool("start_conversation", {"text": "something is wrong"})
    takes = {name: set(tool.input_schema["properties"]) for name, tool in tools.items()}
    # Each tool stands in the table, with all that it takes and nothing else.
    rows = re.findall(r"^\| `(\w+)\((.*?)\)` \|", SKILL, re.MULTILINE)
    assert {name: set(re.findall(r"\w+", named)) for name, named in rows} == takes
    known = {*takes, *(name for names in takes.values() for name in names)}
    known |= {name for tool in tools.values() for name in fields(tool.output_schema)}
    known |= {"match", "unsure", "none", "http"}
    known |= {option["id"] for option in done.structured_content["ask"]["options"]}
    used = re.findall(r"`([a-z_-]+)(?:\[0\])?(?:\.([a-z]+))?`", SKILL)
    assert len(used) > 15
    assert {name for parts in used for name in parts if name} <= known


def test_the_commands_in_the_skill_work(run_cli):
    commands = re.findall(r"^\$ dladvisor (.+)$", SKILL, re.MULTILINE)
    assert len(commands) == 2
    for command in commands:
        *words, last = shlex.split(command)
        if words[0] == "show":
            assert (ROOT / "kb" / f"{last}.md").exists()
            last = "rocket-loss"
        done = run_cli(*words, last)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)


def test_without_the_extra_the_install_line_is_told(run_cli, tmp_path):
    (tmp_path / "mcp").mkdir()
    (tmp_path / "mcp" / "__init__.py").write_text("raise ImportError")
    done = run_cli("mcp", PYTHONPATH=str(tmp_path))
    assert done.returncode == 1
    assert "pip install '.[mcp]'" in done.stderr
