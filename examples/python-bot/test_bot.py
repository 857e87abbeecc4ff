"""The bot against a stand-in of the API, with deliveries signed by hand."""

import base64
import json
import threading
import unittest
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
from standardwebhooks import Webhook

from bot import ANSWERS, HANDS_OVER, Bot, Receiver, Tanggap

SECRET = "whsec_" + base64.b64encode(b"a secret that only these two know").decode()


class Api(ThreadingHTTPServer):
    """Plays the API: notes what is asked, and answers as the test says."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), ApiCall)
        self.writes: list[tuple[str, str, dict]] = []
        self.conversation = {"id": "c1", "assignee": None, "ticket_id": None}
        self.fails_with: tuple[int, dict] | None = None


class ApiCall(BaseHTTPRequestHandler):
    server: Api

    def do_GET(self) -> None:
        things = {"/v1/me": {"id": "bot"}, "/v1/conversations/c1": self.server.conversation}
        things["/v1/conversations/c1/messages/m1"] = message("Ongkir?")
        self._answer(200, things[self.path])

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        if self.server.fails_with:
            self._answer(*self.server.fails_with)
        else:
            self.server.writes.append((self.path, self.headers["idempotency-key"], json.loads(body or b"{}")))
            self._answer(200, {})

    def _answer(self, status: int, body: dict) -> None:
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, format: str, *args: object) -> None:
        pass


def message(text: str | None, direction: str = "inbound") -> dict:
    return {"id": "m1", "conversation_id": "c1", "direction": direction, "text": text}


class BotTest(unittest.TestCase):
    def setUp(self) -> None:
        self.api = Api()
        url = f"http://127.0.0.1:{self.api.server_port}"
        self.receiver = Receiver(("127.0.0.1", 0), SECRET, Bot(Tanggap(url, "key")))
        for server in (self.api, self.receiver):
            threading.Thread(target=server.serve_forever, daemon=True).start()
            self.addCleanup(server.server_close)
            self.addCleanup(server.shutdown)

    def deliver(self, data: dict, id: str = "d1", secret: str = SECRET, age: int = 0, body: bytes | None = None) -> int:
        event = {"id": "e1", "seq": 7, "type": "message.created", "conversation_id": "c1", "version": 1, "data": data}
        text = json.dumps(event)
        at = datetime.now(UTC) - timedelta(seconds=age)
        signature = Webhook(secret).sign(id, at, text)
        headers = {"webhook-id": id, "webhook-timestamp": str(int(at.timestamp())), "webhook-signature": signature}
        url = f"http://127.0.0.1:{self.receiver.server_port}/"
        return httpx.post(url, content=body or text.encode(), headers=headers).status_code

    def test_a_keyword_is_answered_once_although_the_delivery_is_repeated(self) -> None:
        for _ in range(3):
            self.assertEqual(self.deliver(message("Kak, ONGKIR ke Malang?")), 204)
        reply = {"kind": "text", "text": ANSWERS["ongkir"], "client_message_id": "d1-reply"}
        self.assertEqual(self.api.writes, [("/v1/conversations/c1/messages", "d1-reply", reply)])

    def test_what_it_does_not_know_is_handed_over(self) -> None:
        self.assertEqual(self.deliver(message("Barang saya rusak")), 204)
        self.assertEqual([path for path, _, _ in self.api.writes], ["/v1/conversations/c1/messages", "/v1/conversations/c1/unassign"])
        self.assertEqual(self.api.writes[0][2]["text"], HANDS_OVER)

    def test_a_message_that_is_too_large_for_an_event_is_read(self) -> None:
        self.assertEqual(self.deliver({"ref": "/v1/conversations/c1/messages/m1"}), 204)
        self.assertEqual(len(self.api.writes), 1)

    def test_it_says_nothing_to_what_the_team_wrote_or_answers(self) -> None:
        self.deliver(message("Ongkir Rp 18.000", "outbound"), "d1")
        self.deliver(message(None), "d2")
        self.api.conversation["assignee"] = {"id": "siti", "name": "Siti"}
        self.deliver(message("ongkir"), "d3")
        self.api.conversation.update(assignee=None, ticket_id="t1")
        self.deliver(message("ongkir"), "d4")
        self.assertEqual(self.api.writes, [])
        self.api.conversation["assignee"] = {"id": "bot", "name": "Bot"}
        self.deliver(message("ongkir"), "d5")
        self.assertEqual(len(self.api.writes), 1)

    def test_what_is_not_signed_by_tanggap_is_refused(self) -> None:
        other = "whsec_" + base64.b64encode(b"another secret, of somebody else").decode()
        self.assertEqual(self.deliver(message("ongkir"), secret=other), 401)
        self.assertEqual(self.deliver(message("ongkir"), body=b"{}"), 401)
        self.assertEqual(self.deliver(message("ongkir"), age=3600), 401)
        self.assertEqual(self.api.writes, [])

    def test_while_tanggap_is_away_the_delivery_is_kept_for_later(self) -> None:
        self.api.fails_with = (503, {"code": "unavailable"})
        self.assertEqual(self.deliver(message("ongkir")), 503)
        self.api.fails_with = None
        self.assertEqual(self.deliver(message("ongkir")), 204)
        self.assertEqual(len(self.api.writes), 1)

    def test_what_will_never_be_possible_is_not_tried_again(self) -> None:
        self.api.fails_with = (409, {"code": "contact_blocked"})
        self.assertEqual(self.deliver(message("ongkir")), 204)


if __name__ == "__main__":
    unittest.main()
