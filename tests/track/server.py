"""A server on this machine that plays as much of wandb as a run needs."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

BUCKET = {
    "id": "bucket",
    "config": "{}",
    "historyLineCount": 0,
    "project": {"id": "project", "name": "lab", "entity": {"id": "entity", "name": "me"}},
}
ARTIFACT = {"id": "a", "state": "COMMITTED", "artifactSequence": {"id": "s"}}


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.history: dict[int, dict[str, Any]] = {}  # of the one run, by line
        self.silent = threading.Event()
        self.over = threading.Event()
        self.url = f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, *_: Any) -> None:
        """wandb drops connections when it is done."""

    def answer(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        if path != "/graphql":
            self.asked.append((path, body))
            sent = body.get("files", {}).get("wandb-history.jsonl", {})
            for i, line in enumerate(sent.get("content", []), start=sent.get("offset", 0)):
                self.history[i] = json.loads(line)
            return {}
        query = body["query"].split("(")[0].split("{")[0].split()[-1]
        self.asked.append((query, body.get("variables") or {}))
        match query:
            case "Viewer":
                data: dict[str, Any] = {"viewer": {"id": "v", "entity": "me", "username": "me"}}
            case "RunResumeStatus" if self.history:
                data = {"model": {"id": "p", "name": "lab", "bucket": self.begun()}}
            case "UpsertBucket":
                bucket = {**BUCKET, "name": body["variables"]["name"]}
                data = {"upsertBucket": {"bucket": bucket, "inserted": True}}
            case "CreateRunFiles":
                files = [
                    {"name": name, "uploadUrl": f"{self.url}/{name}"}
                    for name in body["variables"]["files"]
                ]
                created = {"runID": "bucket", "uploadHeaders": [], "files": files}
                data = {"createRunFiles": created}
            case "ArtifactType":
                data = {"project": None}
            case "CreateArtifact":
                data = {"createArtifact": {"artifact": ARTIFACT}}
            case _:
                data = {}
        return {"data": data}

    def begun(self) -> dict[str, Any]:
        """What a run that goes on is told of what the server has of it."""
        last = json.dumps(self.history[max(self.history)])
        lines = {"eventsLineCount": 0, "logLineCount": 0, "historyLineCount": len(self.history)}
        tails = {"historyTail": json.dumps([last]), "eventsTail": "[]", "summaryMetrics": last}
        return {**BUCKET, **lines, **tails, "tags": [], "wandbConfig": '{"t": 1}'}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.server.silent.is_set():
            self.server.over.wait()
        try:
            asked = json.loads(body)
        except ValueError:
            asked = {}
        content = json.dumps(self.server.answer(self.path, asked)).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_PUT = do_POST  # noqa: N815

    def log_message(self, *_: Any) -> None:
        pass
