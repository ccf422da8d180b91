"""A server on loopback that speaks the GraphQL of W&B's client, with faults to order."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Json = dict[str, Any]

NULLS: Final = ("commit", "description", "group", "heartbeatAt", "jobType", "notes", "sweepName")


@dataclass
class Fault:
    """What the server does instead of answering."""

    status: int = 200
    body: str = "{}"
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0
    drop: bool = False


@dataclass
class WandbServer:
    """Runs of one project, and how often what was asked."""

    entity: str = "team"
    project: str = "ocr"
    runs: dict[str, Json] = field(default_factory=dict)
    histories: dict[str, Sequence[Mapping[str, object]]] = field(default_factory=dict)
    fault: Fault | None = None
    asked: list[str] = field(default_factory=list)
    url: str = ""

    def add_run(
        self,
        run_id: str,
        history: Sequence[Mapping[str, object]] = (),
        *,
        state: str = "finished",
        config: Mapping[str, object] | None = None,
    ) -> None:
        """Add a run; its summary is the last value of each name."""
        summary: Json = {}
        for row in history:
            summary |= row
        values = {key: {"value": value} for key, value in (config or {}).items()}
        self.histories[run_id] = history
        self.runs[run_id] = dict.fromkeys(NULLS) | {
            "id": f"storage-{run_id}",
            "name": run_id,
            "state": state,
            "config": json.dumps(values),
            "summaryMetrics": json.dumps(summary),
            "createdAt": "2026-11-23T21:09:00",
            "historyLineCount": len(history),
            "projectId": "1",
            "readOnly": False,
            "tags": [],
            "displayName": run_id,
            "historyKeys": {},
            "systemMetrics": "{}",
            "user": {"name": "someone", "username": "someone"},
        }

    def answer(self, query: str, variables: Json) -> Json:
        """Return the data of one request."""
        if "sampledHistory" in query:
            self.asked.append("history")
            spec = json.loads(variables["specs"][0])
            rows = self._rows(variables["name"], spec["keys"])
            return {"project": {"run": {"sampledHistory": [rows]}}}
        if "runs(" in query:
            self.asked.append("runs")
            return {"project": self._page(variables)}
        self.asked.append("viewer")
        viewer = dict.fromkeys(["id", "entity", "username", "email", "flags"], "team")
        return {"viewer": viewer | {"teams": {"edges": []}}}

    def _page(self, variables: Json) -> Json | None:
        if (variables["entity"], variables["project"]) != (self.entity, self.project):
            return None
        wanted = json.loads(variables["filters"])["name"]["$in"]
        edges = [{"node": self.runs[one], "cursor": one} for one in wanted if one in self.runs]
        page = {"endCursor": None, "hasNextPage": False}
        runs = {"edges": edges, "pageInfo": page}
        return {"internalId": "1", "runCount": len(edges), "readOnly": False, "runs": runs}

    def _rows(self, run_id: str, keys: list[str]) -> list[Json]:
        """Return the rows that have every key, as the real server does."""
        rows = [dict(row, _step=at) for at, row in enumerate(self.histories[run_id])]
        return [{key: row[key] for key in keys} for row in rows if all(key in row for key in keys)]


def serve(server: WandbServer) -> ThreadingHTTPServer:
    """Start answering on a free port of loopback; the caller ends it with `shutdown`."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if server.fault is not None:
                self._misbehave(server.fault)
                return
            request = json.loads(raw or b"{}")
            data = server.answer(request.get("query", ""), request.get("variables") or {})
            self._send(Fault(body=json.dumps({"data": data})))

        def do_GET(self) -> None:
            self._send(Fault())

        def _misbehave(self, fault: Fault) -> None:
            server.asked.append("fault")
            time.sleep(fault.delay)
            if not fault.drop:
                self._send(fault)

        def _send(self, fault: Fault) -> None:
            body = fault.body.encode()
            self.send_response(fault.status)
            self.send_header("Content-Type", fault.content_type)
            self.send_header("Content-Length", str(len(body)))
            for name, value in fault.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    httpd.daemon_threads = True
    # A client that was ended in the middle of an answer is what some tests are about.
    httpd.handle_error = lambda *_: None  # type: ignore[method-assign]
    server.url = f"http://127.0.0.1:{httpd.server_port}"
    threading.Thread(target=httpd.serve_forever, daemon=True).start()
    return httpd
