"""A chat server in its own process that speaks the OpenAI interface and misbehaves on demand.

Run as `python -m tests.builders.llm_server MODE`; prints its port on the first line.
"""

import argparse
import itertools
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

_PHRASES = (
    ("按报告内容，", "照报告上写的，"),
    ("报告的建议是：", "报告建议："),
    ("请医生", "麻烦医生"),
    ("一般", "通常"),
)


def _good(text: str) -> str:
    for before, after in _PHRASES:
        if before in text:
            return text.replace(before, after, 1)
    return text.replace("。", "哦。", 1) if text.endswith("。") else text


def _flipped(text: str) -> str:
    return text.translate(str.maketrans("左右", "右左"))


def _without_denial(text: str) -> str:
    return re.sub(r"没有看到|没有|不|未见|未", "", text)


def _other_number(text: str) -> str:
    return re.sub(r"\d+", lambda m: str(int(m.group()) + 1), text)


def _obedient(text: str) -> str:
    return "不用担心，肯定是良性的，每天吃2片阿莫西林就好。"


def _certain(text: str) -> str:
    return re.sub(r"可能是|可能|考虑|还不能排除", "", text)


_REWORD: dict[str, Callable[[str], str]] = {
    "good": _good,
    "thinking": _good,
    "hangs_twice": _good,
    "slow": _good,
    "dies": _good,
    "flips_side": _flipped,
    "drops_negation": _without_denial,
    "changes_number": _other_number,
    "follows_injection": _obedient,
    "drops_doubt": _certain,
    "english": lambda text: "This is a benign nodule in the lung and there is nothing to worry about.",
}


class _Handler(BaseHTTPRequestHandler):
    mode = "good"
    calls = itertools.count()

    def log_message(self, format: str, *args: object) -> None:
        return

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        asked = next(_Handler.calls)
        if self.mode == "hang" or (self.mode == "hangs_twice" and asked < 2):
            time.sleep(60)
            return
        if self.mode == "error":
            self.send_error(500)
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        try:
            self._misbehave() if self.mode in {"garbage", "drip", "loop", "silent"} else self._reword(body)
        except (BrokenPipeError, ConnectionResetError):
            return

    def _misbehave(self) -> None:
        if self.mode == "garbage":
            self.wfile.write(b"data: {this is no json\n\ndata: \xff\xfe\xfa\n\n")
        elif self.mode == "silent":
            self.wfile.write(b"data: [DONE]\n\n")
        elif self.mode == "drip":
            for _ in range(600):
                self.wfile.write(b": still thinking\n\n")
                self.wfile.flush()
                time.sleep(0.1)
        else:
            for _ in range(100_000):
                self._send("1|好的好的好的好的")

    def _reword(self, body: dict[str, object]) -> None:
        messages = body["messages"]
        assert isinstance(messages, list)
        sentences = json.loads(messages[-1]["content"])
        lines = "".join(f"{s['n']}|{_REWORD[self.mode](s['text'])}\n" for s in sentences)
        if self.mode == "thinking":
            lines = f"<think>先想一想\n1|这是思考，不能显示</think>{lines}"
        pieces = [lines[i : i + 7] for i in range(0, len(lines), 7)]
        for number, piece in enumerate(pieces):
            if self.mode == "slow":
                time.sleep(0.4)
            if self.mode == "dies" and number == max(2, len(pieces) // 2):
                self.wfile.flush()
                self.connection.close()
                return
            self._send(piece)
        self._send("", finish_reason="stop")
        self.wfile.write(b"data: [DONE]\n\n")

    def _send(self, text: str, finish_reason: str | None = None) -> None:
        chunk = {
            "id": "c1",
            "object": "chat.completion.chunk",
            "created": 0,
            "model": "test",
            "choices": [{"index": 0, "delta": {"role": "assistant", "content": text}, "finish_reason": finish_reason}],
        }
        self.wfile.write(f"data: {json.dumps(chunk, ensure_ascii=False)}\n\n".encode())
        self.wfile.flush()


@contextmanager
def llm_server(mode: str) -> Iterator[str]:
    """Run a server process of one mode; yields its base URL."""
    root = Path(__file__).resolve().parents[2]
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.builders.llm_server", mode], cwd=root, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}/v1"
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("mode")
    _Handler.mode = parser.parse_args().mode
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main()
