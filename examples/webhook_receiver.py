"""Receive signed webhooks: refuse what is forged or old, take each event once. Standard library only.

ANPR_SECRET=... python webhook_receiver.py [PORT]     # PORT: 8080; put a TLS proxy in front
"""

import hashlib
import hmac
import json
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SECRET = os.environ["ANPR_SECRET"].encode()
OLDEST_S = 300  # a repeated recording of an old request is refused
seen: set[str] = set()


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        at = self.headers.get("X-Anpr-Timestamp", "0")
        wanted = "v1=" + hmac.new(SECRET, at.encode() + b"." + body, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(wanted, self.headers.get("X-Anpr-Signature", "")):
            self.send_error(401)
            return
        if abs(time.time() - int(at)) > OLDEST_S:
            self.send_error(401, "too old")
            return
        event = json.loads(body)
        if event["event_id"] not in seen:  # in a database: insert, ignore on conflict
            seen.add(event["event_id"])
            print(f"EVENT {event['lane']} {event['sequence']} {event['type']}", flush=True)
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


if __name__ == "__main__":
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8080
    ThreadingHTTPServer(("127.0.0.1", port), Receiver).serve_forever()
