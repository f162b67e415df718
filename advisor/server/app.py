"""The application: every route, each a few lines around the desk."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Annotated, Any, TypeVar

import anyio.to_thread
from anyio import CapacityLimiter
from fastapi import FastAPI, Path, Query, Request, Response
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from advisor import wire
from advisor.answer import Filter
from advisor.desk import Desk
from advisor.errors import BadQuestion
from advisor.redaction import redacted
from advisor.reply import Reply
from advisor.results import Answer
from advisor.server import failures, metrics, shapes
from advisor.server.guard import Guard
from advisor.server.options import Options
from advisor.server.problems import MEDIA_TYPE

T = TypeVar("T")
# Questions that are answered at once in a worker: more threads only wait for the same cores.
AT_ONCE = 4


def _failures(*statuses: int) -> dict[int | str, dict[str, Any]]:
    said = {
        400: "The request cannot be read.",
        404: "There is no such thing.",
        409: "It does not fit what is here: no feedback is kept, or the conversation is over.",
        413: "The body is too large.",
        422: "The request holds nothing to work with, or a misspelt field.",
        429: "Too many requests from this address.",
        503: "It took too long.",
    }
    schema = shapes.Problem.model_json_schema()
    return {
        status: {"description": said[status], "content": {MEDIA_TYPE: {"schema": schema}}}
        for status in (*statuses, 429, 503)
    }


READING = _failures(422)
WRITING = _failures(400, 413, 422)


def make_app(options: Options, open_desk: Callable[[], Desk]) -> FastAPI:
    """The application; `open_desk` is called when it starts, before the first request."""
    limiter = CapacityLimiter(AT_ONCE)

    @asynccontextmanager
    async def living(app: FastAPI) -> AsyncIterator[None]:
        desk = await anyio.to_thread.run_sync(open_desk)
        app.state.desk = desk
        try:
            yield
        finally:
            desk.live.stop()

    app = FastAPI(
        title="dladvisor",
        summary="Describe what your training run does, get the tricks that fit.",
        version="1",
        lifespan=living,
        # Swagger and ReDoc load scripts from another host; the description itself is enough.
        docs_url=None,
        redoc_url=None,
    )
    if options.origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(options.origins),
            allow_methods=["GET", "POST", "DELETE"],
            allow_headers=["content-type", "x-request-id"],
            expose_headers=["x-request-id"],
        )
    # Added last: it stands outside of everything, also of what CORS answers.
    app.add_middleware(Guard, options=options)
    failures.tell_all(app)

    def desk(request: Request) -> Desk:
        found: Desk = request.app.state.desk
        return found

    async def work(do: Callable[[], T]) -> T:
        """Run it in a thread, a few at a time: a question keeps a core busy for 10 ms."""
        return await anyio.to_thread.run_sync(do, limiter=limiter)

    async def answered(request: Request, body: shapes.AskBody) -> JSONResponse:
        only = _filter(body)
        answer, kept = await work(lambda: desk(request).ask(body.question, body.top, only))
        _note_question(request, options, answer)
        return JSONResponse(wire.answer_json(answer, kept))

    @app.post("/v1/ask", response_model=wire.AnswerShape, responses=WRITING)
    async def ask(request: Request, body: shapes.AskBody) -> JSONResponse:
        """Ask a question."""
        return await answered(request, body)

    @app.get("/v1/ask", response_model=wire.AnswerShape, responses=READING)
    async def ask_by_address(
        request: Request, asked: Annotated[shapes.AskQuery, Query()]
    ) -> JSONResponse:
        """Ask a question by its address. Proxies may log addresses: POST is more private."""
        body = shapes.AskBody(question=asked.q, **asked.model_dump(exclude={"q"}))
        return await answered(request, body)

    @app.get("/v1/entries", response_model=shapes.EntryList, responses=READING)
    async def entries(
        request: Request, asked: Annotated[shapes.ListQuery, Query()]
    ) -> JSONResponse:
        """List the entries by id."""
        advisor = desk(request).live.advisor
        only = _filter(asked)
        chosen = [entry for entry in advisor.knowledge if only.lets_through(entry)]
        lines = [
            wire.line_json(entry, advisor.settings.page(entry.id))
            for entry in chosen[asked.offset : asked.offset + asked.limit]
        ]
        return JSONResponse({"total": len(chosen), "entries": lines})

    @app.get(
        "/v1/entries/{entry_id}", response_model=wire.EntryShape, responses=_failures(404, 422)
    )
    async def entry(request: Request, entry_id: Annotated[shapes.Id, Path()]) -> JSONResponse:
        """Read one entry."""
        advisor = desk(request).live.advisor
        found = advisor.knowledge.get(entry_id)
        return JSONResponse(wire.entry_json(found, advisor.settings.page(found.id)))

    @app.post("/v1/conversations", response_model=shapes.HeldReply, responses=WRITING)
    async def begin(request: Request, body: shapes.BeginBody) -> JSONResponse:
        """Begin a conversation. The server keeps none: send `state` back with the next turn."""
        only = _filter(body)
        reply, kept = await work(lambda: desk(request).begin(body.text, body.top, only))
        _note_question(request, options, reply.answer)
        return JSONResponse({**wire.reply_json(reply, kept), "state": reply.conversation.to_json()})

    @app.post(
        "/v1/conversations/next",
        response_model=shapes.HeldReply,
        responses={**WRITING, **_failures(404, 409)},
    )
    async def go_on(request: Request, body: shapes.NextBody) -> JSONResponse:
        """Go on: say more, answer the question, reject an entry, or undo."""
        try:
            reply = await work(lambda: _next(desk(request), body))
        except BadQuestion as error:
            raise HTTPException(409, f"{error.message} {error.hint}".strip()) from error
        _note(request, reply.answer, options.log_questions and isinstance(body.turn, shapes.Told))
        return JSONResponse({**wire.reply_json(reply, ""), "state": reply.conversation.to_json()})

    @app.post(
        "/v1/feedback",
        response_model=shapes.VoteShape,
        status_code=201,
        responses={**WRITING, **_failures(404, 409)},
    )
    async def vote(request: Request, body: shapes.VoteBody) -> JSONResponse:
        """Say whether an entry helped. It is kept before this answers."""
        if desk(request).feedback is None:
            raise HTTPException(409, "No feedback is kept here.")
        chosen = await work(
            lambda: desk(request).vote(body.question_id, body.entry or "", body.helpful)
        )
        metrics.VOTES.labels(str(body.helpful).lower()).inc()
        kept = {"question_id": body.question_id, "entry": chosen, "helpful": body.helpful}
        return JSONResponse(kept, 201)

    @app.delete(
        "/v1/feedback/{question_id}",
        status_code=204,
        response_class=Response,
        responses=_failures(404, 409, 422),
    )
    async def forget(
        request: Request, question_id: Annotated[shapes.QuestionId, Path()]
    ) -> Response:
        """Delete a kept question with its votes."""
        store = desk(request).feedback
        if store is None:
            raise HTTPException(409, "No feedback is kept here.")
        if not await work(lambda: store.forget(question_id)):
            raise HTTPException(404, "There is no such question, or it was deleted before.")
        return Response(status_code=204)

    @app.get("/healthz", response_model=shapes.Health, responses=_failures())
    async def health(request: Request) -> JSONResponse:
        """Whether questions are answered, and what is left out."""
        from advisor.server.run import version

        state = desk(request).live.state
        return JSONResponse(
            {
                "status": "held" if state.behind else "ok",
                "entries": len(state.advisor.knowledge),
                "outdated": list(state.outdated),
                "left_out": list(state.left_out),
                "held": state.held,
                "version": version(),
            }
        )

    @app.get("/metrics", response_class=Response, responses=_failures())
    async def prometheus(request: Request) -> Response:
        """Counts for Prometheus."""
        state = desk(request).live.state
        metrics.ENTRIES.set(len(state.advisor.knowledge))
        metrics.LEFT_OUT.set(len(state.left_out))
        metrics.HELD.set(state.behind)
        return Response(await work(metrics.text), media_type=metrics.CONTENT_TYPE)

    if options.site is not None:
        app.mount("/", _Site(directory=options.site, html=True), name="site")
    return app


class _Site(StaticFiles):
    """The built site, which leaves misspelt addresses of the API to it."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """A page, or the site's own page for what is not there."""
        if path.startswith("v1/"):
            raise HTTPException(404, "There is no such address. See /openapi.json.")
        return await super().get_response(path, scope)


def _filter(only: shapes.Only) -> Filter:
    return Filter(**{name: getattr(only, name) or "" for name in shapes.Only.model_fields})


def _next(desk: Desk, body: shapes.NextBody) -> Reply:
    conversation = desk.resume(body.state.model_dump(by_alias=True))
    turn = body.turn
    if isinstance(turn, shapes.Told):
        return conversation.tell(turn.text)
    if isinstance(turn, shapes.Answered):
        return conversation.answer(turn.question, turn.option)
    if isinstance(turn, shapes.Rejected):
        return conversation.reject(turn.entry)
    reply = conversation.undo()
    if reply is None:
        raise BadQuestion("There is only one turn: nothing can be undone.", "Begin anew.")
    return reply


def _note_question(request: Request, options: Options, answer: Answer) -> None:
    metrics.ANSWERS.labels(answer.verdict).inc()
    _note(request, answer, options.log_questions)


def _note(request: Request, answer: Answer, with_question: bool) -> None:
    """What the log has of an answer besides its request."""
    request.state.logged = {"verdict": answer.verdict}
    if with_question:
        request.state.logged["question"] = redacted(answer.question)
