"""A small real child process for the supervisor's tests: answers `/readyz` on a port.

`python appliance_child.py PORT [stubborn|family|untitled]`; GET /pid answers its pid, GET /end makes it exit
with 3.
"""

import os
import signal
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/end":
            os._exit(3)
        body = str(os.getpid()).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def main() -> None:
    port, manner = int(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else ""
    if manner == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    else:
        signal.signal(signal.SIGTERM, lambda *_: (print("asked to stop", flush=True), os._exit(0)))
    if manner in {"family", "untitled"}:
        # one that sets a title overwrites its environment: an empty one looks the same from outside
        environment: dict[str, str] | None = {} if manner == "untitled" else None
        worker = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], env=environment)
        print(f"worker {worker.pid}", flush=True)
    print(f"listening on {port}", flush=True)
    ThreadingHTTPServer(("127.0.0.1", port), Answers).serve_forever()


main()
