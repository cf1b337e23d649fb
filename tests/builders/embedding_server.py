"""A separate process that speaks `/v1/embeddings`; the model's name chooses how it misbehaves.

Run as `python -m tests.builders.embedding_server`; prints its port, stops when its input closes.
"""

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from knowledge_base.embed import HashingEmbedder

DIMENSION = 64


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        model = body["model"]
        if self.path != "/v1/embeddings" or model == "failing":
            return self.answer(500, {"error": "no"})
        if model == "locked" and self.headers.get("Authorization") != "Bearer secret":
            return self.answer(401, {"error": "key"})
        if model == "garbage":
            return self.answer(200, {"data": "nothing"})
        vectors = HashingEmbedder(DIMENSION // 2 if model == "short" else DIMENSION).query(body["input"])
        # three times too long and in reverse order: the client has to normalise and to sort
        data = [{"index": i, "embedding": (3 * vector).tolist()} for i, vector in enumerate(vectors)]
        return self.answer(200, {"data": data[::-1], "model": model})

    def answer(self, status, content):
        payload = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def log_message(self, *_):
        """Keep quiet."""


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    sys.stdin.read()
