"""HTTP as clients see it: real processes, real sockets."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from conftest import ROOT, SMALL_KB

httpx = pytest.importorskip("httpx")
pytest.importorskip("fastapi")
from servers import serving, wait_until  # noqa: E402 - only with the extra

from advisor.feedback import Feedback  # noqa: E402
from advisor.server.guard import Guard  # noqa: E402
from advisor.server.limits import RateLimit  # noqa: E402
from advisor.server.options import Options  # noqa: E402
from advisor.settings import Settings  # noqa: E402

ROCKET = "loss climbs like a rocket"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("server")


@pytest.fixture(scope="module")
def server(folder):
    """One worker with feedback on, a site, and no rate limit."""
    site = folder / "site"
    (site / "kb").mkdir(parents=True)
    (site / "index.html").write_text("<h1>the site</h1>")
    os.environ["DLADVISOR_CACHE"] = str(folder / "cache")
    kept = str(folder / "kept.sqlite")
    with serving(
        folder, "--rate", "0", "--site", str(site), "--timeout", "60", DLADVISOR_FEEDBACK=kept
    ) as running:
        yield running
    del os.environ["DLADVISOR_CACHE"]


@pytest.fixture
def client(server):
    with httpx.Client(base_url=server.url, timeout=20) as made:
        yield made


def test_get_and_post_answer_as_the_terminal_does(client, run_cli, folder):
    asked = client.post("/v1/ask", json={"question": ROCKET, "top": 2}).json()
    by_address = client.get("/v1/ask", params={"q": ROCKET, "top": 2}).json()
    terminal = json.loads(
        run_cli("--json", "--top", "2", ROCKET, DLADVISOR_CACHE=str(folder / "cache")).stdout
    )
    # The server has the site, so that its links work from where they are read.
    for match in terminal["matches"]:
        match["url"] = f"/{match['url']}"
    for answer in (asked, by_address):
        assert {key: answer[key] for key in terminal} == terminal
    assert asked["matches"][0]["id"] == "rocket-loss"
    assert re.fullmatch(r"[0-9a-f]{16}", asked["question_id"])


def test_filters_are_those_of_the_terminal(client):
    answer = client.post("/v1/ask", json={"question": "loss is nan", "category": "memory"}).json()
    assert [match["id"] for match in answer["matches"]] == ["hot-memory"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"question": "123"}, 422),
        ({"question": ""}, 422),
        ({"question": "x", "top": 0}, 422),
        ({"question": "x", "categroy": "memory"}, 422),
        ({"question": "x", "category": "memroy"}, 422),
        ({"question": "loss \ud800"}, 422),
        ([], 422),
    ],
)
def test_wrong_requests_are_problems_that_do_not_quote_the_question(client, body, status):
    sent = json.dumps(body).encode()
    answer = client.post("/v1/ask", content=sent, headers={"content-type": "application/json"})
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json()
    assert told["status"] == status
    assert told["detail"]
    assert told["request_id"] == answer.headers["x-request-id"]


def test_what_is_not_json_is_told(client):
    answer = client.post("/v1/ask", content=b"{", headers={"content-type": "application/json"})
    assert answer.status_code == 400
    answer = client.post("/v1/ask", content=b"question=nan")
    assert answer.status_code == 422
    assert "A JSON object is needed" in answer.json()["detail"]


def test_a_question_without_words_is_told_in_plain_words(client):
    for answer in (
        client.post("/v1/ask", json={"question": "123"}),
        client.get("/v1/ask", params={"q": "☃"}),
    ):
        assert "There are no words in it" in answer.json()["detail"]


def test_misspelt_addresses_of_the_api_are_problems_and_not_pages(client):
    for method, path, status in (
        ("GET", "/v1/entriez", 404),
        ("POST", "/v1/asks", 404),
        ("GET", "/v1", 404),
        ("HEAD", "/v1/ask", 405),
    ):
        answer = client.request(method, path)
        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/problem+json"
        if status == 404 and method == "GET":
            assert "/openapi.json" in answer.text


def test_entries_are_listed_page_by_page_and_read(client):
    page = client.get("/v1/entries", params={"limit": 2, "offset": 1}).json()
    assert page["total"] == 5
    assert [entry["id"] for entry in page["entries"]] == ["hot-memory", "leaky-split"]
    only = client.get("/v1/entries", params={"category": "generative"}).json()
    assert [entry["id"] for entry in only["entries"]] == ["same-face"]
    entry = client.get("/v1/entries/rocket-loss").json()
    assert entry["title"] == "Step size above the limit"
    assert "path" not in entry
    missing = client.get("/v1/entries/rocket-lose")
    assert missing.status_code == 404
    assert "rocket-loss" in missing.json()["hint"]
    # Hints are those of this surface: no command of the terminal, no list of something else.
    assert client.get("/v1/entries/zzz").json()["hint"] == "See /v1/entries."


def test_a_conversation_goes_on_over_http_and_is_kept_by_the_client(client):
    first = client.post("/v1/conversations", json={"text": "my loss is bad"}).json()
    assert first["state"]["turns"] == [{"kind": "tell", "text": "my loss is bad"}]
    rejected = {"do": "reject", "entry": first["matches"][0]["id"]}
    second = client.post(
        "/v1/conversations/next", json={"state": first["state"], "turn": rejected}
    ).json()
    assert rejected["entry"] not in [match["id"] for match in second["matches"]]
    back = client.post(
        "/v1/conversations/next", json={"state": second["state"], "turn": {"do": "undo"}}
    ).json()
    assert back["matches"] == first["matches"]
    told = {"do": "tell", "text": "memory grows every step"}
    third = client.post("/v1/conversations/next", json={"state": back["state"], "turn": told})
    assert third.json()["matches"][0]["id"] == "hot-memory"


def test_a_question_of_the_conversation_can_be_answered(client):
    reply = client.post("/v1/conversations", json={"text": "something is wrong with it"}).json()
    asked = reply["ask"]
    turn = {"do": "answer", "question": asked["id"], "option": asked["options"][0]["id"]}
    after = client.post("/v1/conversations/next", json={"state": reply["state"], "turn": turn})
    assert after.status_code == 200
    assert after.json()["state"]["turns"][1]["option"] == asked["options"][0]["id"]
    turn["option"] = "no such option"
    wrong = client.post("/v1/conversations/next", json={"state": reply["state"], "turn": turn})
    assert wrong.status_code == 404
    turn["question"] = "no such question"
    wrong = client.post("/v1/conversations/next", json={"state": reply["state"], "turn": turn})
    assert wrong.json()["hint"] == "Its id is in `ask`."
    reply["state"]["only"]["colour"] = "red"
    wrong = client.post("/v1/conversations/next", json={"state": reply["state"], "turn": turn})
    assert wrong.status_code == 422
    assert "state.only.colour" in wrong.json()["detail"]
    assert "__init__" not in wrong.text


def test_a_vote_is_kept_and_a_question_deleted(client, folder):
    asked = client.post("/v1/ask", json={"question": ROCKET}).json()
    vote = {"question_id": asked["question_id"], "helpful": True}
    answer = client.post("/v1/feedback", json=vote)
    assert answer.status_code == 201
    assert answer.json()["entry"] == "rocket-loss"
    store = Feedback(folder / "kept.sqlite", 30)
    kept = {item.id: item for item in store.questions()}[asked["question_id"]]
    assert (kept.surface, kept.helpful) == ("http", {"rocket-loss": 1})
    address = f"/v1/feedback/{asked['question_id']}"
    assert client.delete(address).status_code == 204
    assert client.delete(address).status_code == 404
    assert client.post("/v1/feedback", json=vote).status_code == 404


def test_what_a_conversation_led_to_can_be_voted_for(client):
    first = client.post("/v1/conversations", json={"text": ROCKET, "top": 1}).json()
    shown = first["matches"][0]["id"]
    turn = {"do": "reject", "entry": shown}
    then = client.post("/v1/conversations/next", json={"state": first["state"], "turn": turn})
    vote = {"question_id": first["question_id"], "helpful": True}
    entry = then.json()["matches"][0]["id"]
    assert entry != shown
    answer = client.post("/v1/feedback", json={**vote, "entry": entry})
    assert (answer.status_code, answer.json()["entry"]) == (201, entry)
    assert client.post("/v1/feedback", json={**vote, "entry": "no-such-entry"}).status_code == 404


def test_the_site_is_served_beside_the_api(client):
    assert "the site" in client.get("/").text
    missing = client.get("/no-such-page")
    assert missing.status_code == 404
    assert client.get("/../pyproject.toml").status_code == 404
    assert client.get("/%2e%2e/%2e%2e/etc/passwd").status_code == 404


def test_health_and_metrics(client):
    assert client.get("/healthz").json() == {
        "status": "ok",
        "entries": 5,
        "outdated": [],
        "left_out": [],
        "held": "",
        "version": "0.1.0",
    }
    client.post("/v1/ask", json={"question": ROCKET})
    text = client.get("/metrics").text
    assert 'dladvisor_requests_total{route="/v1/ask",status="200"}' in text
    assert "dladvisor_entries 5.0" in text


def test_request_ids_are_taken_over_or_made(client, server):
    given = client.get("/healthz", headers={"x-request-id": "abc-123"})
    assert given.headers["x-request-id"] == "abc-123"
    for bad in ("a b", "x" * 65, 'x"}'):
        made = client.get("/healthz", headers={"x-request-id": bad})
        assert re.fullmatch("[0-9a-f]{16}", made.headers["x-request-id"])
    wait_until(lambda: '"id": "abc-123"' in server.lines(), 5)


def test_the_log_is_json_lines_without_questions(client, server):
    client.post("/v1/ask", json={"question": "zebra loss is nan"})
    client.get("/v1/ask", params={"q": "zebra loss is nan"})
    client.get("/v1/entries/zebra-entry")
    client.get("/zebra/path?zebra=1")
    client.post("/v1/ask", json={"question": "zebra", "zebra": 1})
    first = client.post("/v1/conversations", json={"text": "zebra loss is nan"}).json()
    told = {"state": first["state"], "turn": {"do": "tell", "text": "more zebra"}}
    client.post("/v1/conversations/next", json=told)
    wait_until(lambda: server.lines().count('"event": "request"') >= 5, 5)
    for line in server.lines().splitlines():
        assert json.loads(line)["level"] in ("info", "warning", "error")
    assert "zebra" not in server.lines()


def test_cors_is_off(client):
    answer = client.get("/healthz", headers={"origin": "https://evil.example"})
    assert "access-control-allow-origin" not in answer.headers


def test_a_large_body_is_refused_however_it_comes(client, server):
    big = {"question": "nan " * 100_000}
    assert client.post("/v1/ask", json=big).status_code == 413

    def pieces():
        for _ in range(400):
            yield b"x" * 1000

    assert client.post("/v1/ask", content=pieces()).status_code == 413


def test_a_body_that_never_ends_is_cut_off(tmp_path):
    with (
        serving(tmp_path, "--timeout", "2") as running,
        socket.create_connection(("127.0.0.1", running.port), timeout=60) as slow,
    ):
        slow.sendall(b"POST /v1/ask HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        began = time.monotonic()
        assert b" 503 " in slow.recv(4096)
        assert 1.5 < time.monotonic() - began < 30


def test_headers_that_never_end_are_cut_off(tmp_path):
    with (
        serving(tmp_path, "--timeout", "1") as running,
        socket.create_connection(("127.0.0.1", running.port), timeout=60) as slow,
    ):
        # Also after a request that was answered.
        slow.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        answered = b""
        while not answered.endswith(b"}"):
            answered += slow.recv(4096)
        slow.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n")
        began = time.monotonic()
        assert slow.recv(4096) == b""
        assert 1 < time.monotonic() - began < 30


def test_an_answer_that_takes_too_long_is_cut_off(tmp_path):
    async def sleeps(scope, receive, send):
        await asyncio.sleep(60)

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    sent = []

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": "/v1/ask", "headers": []}
    options = Options(settings=Settings(kb=(), cache=tmp_path), shared=tmp_path, timeout=0.1)
    asyncio.run(Guard(sleeps, options)(scope, receive, send))
    assert sent[0]["status"] == 503
    assert b"longer than 0.1 seconds" in sent[1]["body"]


def test_an_answer_does_not_wait_for_a_delayed_acknowledgement(client):
    def seconds() -> float:
        began = time.perf_counter()
        client.get("/v1/entries/rocket-loss")
        return time.perf_counter() - began

    # Most take 2 ms, on a busy machine now and then; without TCP_NODELAY most take 40.
    wait_until(lambda: statistics.median(seconds() for _ in range(9)) < 0.03, 30, 0)


def test_wrong_methods_are_told_all_that_are_allowed(client):
    answer = client.put("/v1/ask")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, POST"


def test_hostile_questions_come_back_as_data(client):
    for question in ("<script>alert(1)</script> nan", "\x1b[31mloss\x1b[0m", "<!channel> loss"):
        answer = client.post("/v1/ask", json={"question": question})
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "\x1b" not in answer.json()["question"]


def test_schemathesis_finds_nothing(server, tmp_path):
    pytest.importorskip("schemathesis")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "run", f"{server.url}/openapi.json"),
            *("--checks", "all", "--max-examples", "10", "--seed", "1"),
            *("--phases", "examples,coverage,fuzzing"),
        ],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout[-4000:]
    # It did test something: all ten operations, none skipped.
    assert re.search(r"Tested: 10\b", done.stdout), done.stdout[-4000:]


def test_a_rate_is_limited_over_all_workers(folder):
    os.environ["DLADVISOR_CACHE"] = str(folder / "cache")
    with serving(folder, "--rate", "1", "--workers", "2") as running:
        began = time.monotonic()
        # A new connection each time, so that both workers get some.
        answers = [httpx.get(f"{running.url}/v1/entries") for _ in range(30)]
        seconds = time.monotonic() - began
        passed = sum(answer.status_code == 200 for answer in answers)
        # Five at once, then one a second; were the workers to count apart, it would be ten.
        assert 5 <= passed <= 6 + seconds
        refused = next(answer for answer in answers if answer.status_code == 429)
        assert int(refused.headers["retry-after"]) >= 1
        assert httpx.get(f"{running.url}/healthz").status_code == 200
        metrics = httpx.get(f"{running.url}/metrics").text
        counted = re.findall(r'requests_total\{route="/v1/entries",status="200"\} (\S+)', metrics)
        assert sum(map(float, counted)) == passed
    del os.environ["DLADVISOR_CACHE"]


@pytest.mark.parametrize("trusted", [(), ("--trust-proxy", "127.0.0.1")])
def test_a_forwarded_address_is_believed_from_a_trusted_proxy_only(folder, trusted):
    variables = {"DLADVISOR_CACHE": str(folder / "cache")}
    with serving(folder, "--rate", "0.01", *trusted, **variables) as running:
        # 0.01 a second allow one at once, or one from each address.
        statuses = [
            httpx.get(
                f"{running.url}/v1/entries", headers={"x-forwarded-for": f"10.0.0.{number}"}
            ).status_code
            for number in range(12)
        ]
    assert statuses.count(200) == (12 if trusted else 1)


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="asks Linux what is mapped")
def test_workers_map_the_vectors_that_they_share(folder):
    os.environ["DLADVISOR_CACHE"] = str(folder / "cache")

    def mapping(pid: int) -> list[str]:
        """The children of a process that map vectors."""
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [child for child in children if ".faiss" in Path(f"/proc/{child}/maps").read_text()]

    with serving(folder, "--workers", "2") as running:
        wait_until(lambda: len(mapping(running.process.pid)) == 2, 180)
    del os.environ["DLADVISOR_CACHE"]


def test_token_buckets_by_hand(tmp_path):
    clock = [100.0]
    limit = RateLimit(tmp_path / "rate", 2, lambda: clock[0])
    other = RateLimit(tmp_path / "rate", 2, lambda: clock[0])
    assert [limit.wait("a") for _ in range(5)] == [0] * 5
    assert [other.wait("a") for _ in range(5)] == [0] * 5
    assert limit.wait("a") == other.wait("a") == 0.5
    assert limit.wait("b") == 0
    clock[0] += 0.5
    assert limit.wait("a") == 0
    assert limit.wait("a") == 0.5
    limit.close()
    other.close()


def test_what_is_asked_is_logged_only_when_asked_for_and_redacted(folder):
    os.environ["DLADVISOR_CACHE"] = str(folder / "cache")
    with serving(folder, "--log-questions", "--cors", "https://wiki.example") as running:
        httpx.post(f"{running.url}/v1/ask", json={"question": "zebra nan password=hunter2"})
        wait_until(lambda: "zebra nan password=[secret]" in running.lines(), 5)
        first = httpx.post(f"{running.url}/v1/conversations", json={"text": "loss is odd"}).json()
        told = {"do": "tell", "text": "a quagga too, password=hunter2"}
        httpx.post(
            f"{running.url}/v1/conversations/next", json={"state": first["state"], "turn": told}
        )
        wait_until(lambda: "quagga too, password=[secret]" in running.lines(), 5)
        assert "hunter2" not in running.lines()
        answer = httpx.get(f"{running.url}/healthz", headers={"origin": "https://wiki.example"})
        assert answer.headers["access-control-allow-origin"] == "https://wiki.example"
        # No feedback file is named here.
        vote = {"question_id": "0" * 16, "helpful": True}
        assert httpx.post(f"{running.url}/v1/feedback", json=vote).status_code == 409
        assert (
            httpx.post(f"{running.url}/v1/ask", json={"question": "nan"}).json()["question_id"]
            == ""
        )
    del os.environ["DLADVISOR_CACHE"]


def entry_like(kb: Path, new_id: str, symptom: str) -> str:
    """The text of a copy of an entry with another symptom."""
    text = (kb / "rocket-loss.md").read_text()
    assert "title: Step size above the limit" in text
    first = re.search(r"^symptoms:\n  - (.*)$", text, re.MULTILINE)
    assert first
    return text.replace(first[1], symptom, 1).replace(
        "title: Step size above the limit", f"title: Copy called {new_id}"
    )


def test_changed_entries_are_served_without_one_failed_request(tmp_path):
    kb = tmp_path / "kb"
    shutil.copytree(SMALL_KB, kb)
    variables = {"DLADVISOR_CACHE": str(tmp_path / "cache")}
    with serving(tmp_path, "--workers", "2", "--rate", "0", kb=kb, **variables) as running:
        statuses: list[int] = []
        done = threading.Event()

        def ask_on_and_on() -> None:
            while not done.is_set():
                try:
                    with httpx.Client(base_url=running.url, timeout=20) as client:
                        for _ in range(5):
                            answer = client.post("/v1/ask", json={"question": ROCKET})
                            statuses.append(answer.status_code)
                except httpx.HTTPError:
                    statuses.append(0)

        threads = [threading.Thread(target=ask_on_and_on) for _ in range(3)]
        for thread in threads:
            thread.start()
        for name in ("first-copy", "second-copy"):
            (kb / f"{name}.md").write_text(entry_like(kb, name, "purple flicker on the gauge"))

            def served_by_both(name: str = name) -> bool:
                # A new connection each time, so that both workers are asked.
                found = [httpx.get(f"{running.url}/v1/entries/{name}") for _ in range(8)]
                return all(answer.status_code == 200 for answer in found)

            wait_until(served_by_both, 180, 0.5)
        question = {"question": "purple flicker on the gauge"}
        best = httpx.post(f"{running.url}/v1/ask", json=question).json()["matches"][0]["id"]
        assert best in ("first-copy", "second-copy")
        # A broken entry is told, and its last good state stays, on each worker.
        (kb / "first-copy.md").write_text("---\ntitle: half a sen")

        def told_by_both() -> bool:
            found = [httpx.get(f"{running.url}/healthz").json() for _ in range(8)]
            return all(health["status"] == "held" for health in found)

        wait_until(told_by_both, 180, 0.5)
        (outdated,) = httpx.get(f"{running.url}/healthz").json()["outdated"]
        assert "first-copy.md:1: KB" in outdated
        kept = [httpx.get(f"{running.url}/v1/entries/first-copy") for _ in range(8)]
        assert {answer.status_code for answer in kept} == {200}
        assert {answer.json()["title"] for answer in kept} == {"Copy called first-copy"}
        assert "Kept as it last was" in running.lines()
        # Mended, it is taken in again.
        (kb / "first-copy.md").write_text(entry_like(kb, "mended-now", "purple flicker"))
        wait_until(
            lambda: all(
                httpx.get(f"{running.url}/v1/entries/first-copy").json()["title"]
                == "Copy called mended-now"
                for _ in range(6)
            ),
            180,
            0.5,
        )
        done.set()
        for thread in threads:
            thread.join()
        assert len(statuses) > 20
        assert set(statuses) == {200}
        assert running.stop() == 0
        # Nothing of Python or a library stands between the lines, also not at the end.
        assert all(json.loads(line)["event"] for line in running.lines().splitlines())


@pytest.mark.parametrize("workers", ["1", "2"])
def test_requests_under_way_are_answered_at_shutdown(tmp_path, workers):
    with serving(tmp_path, "--workers", workers) as running:
        body = json.dumps({"question": ROCKET}).encode()
        head = f"POST /v1/ask HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n".encode()
        with socket.create_connection(("127.0.0.1", running.port), timeout=60) as late:
            late.sendall(head + b"Content-Type: application/json\r\nExpect: 100-continue\r\n\r\n")
            # The server asks for the body: the request is under way.
            assert late.recv(65536).startswith(b"HTTP/1.1 100 ")
            late.sendall(body[:5])
            running.process.terminate()
            time.sleep(1)
            assert running.process.poll() is None
            late.sendall(body[5:])
            assert late.recv(65536).startswith(b"HTTP/1.1 200 ")
        assert running.process.wait(timeout=60) == 0


def test_the_log_says_why_it_does_not_answer_yet(tmp_path):
    with serving(tmp_path, DLADVISOR_CACHE=str(tmp_path / "cache")) as running:
        first = json.loads(next(line for line in running.lines().splitlines() if "index" in line))
    assert re.match(r"The index is made first: \d+ passages are encoded", first["event"])


def test_a_port_in_use_is_one_sentence(tmp_path, run_cli):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = run_cli("serve", "--port", str(taken.getsockname()[1]))
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "--port" in done.stderr


def test_without_the_extra_the_install_line_is_told(run_cli, tmp_path):
    (tmp_path / "uvicorn").mkdir()
    (tmp_path / "uvicorn" / "__init__.py").write_text("raise ImportError")
    done = run_cli("serve", PYTHONPATH=str(tmp_path))
    assert done.returncode == 1
    assert "pip install '.[serve]'" in done.stderr
    assert str(ROOT) not in done.stderr
