"""The bot against the real server: a customer writes in the sandbox, and is answered once.

Needs TANGGAP_URL and TANGGAP_SANDBOX_URL of a running `tanggap dev`.
"""

import os
import socket
import threading
import time
import unittest
from collections.abc import Callable

import httpx

from bot import ANSWERS, HANDS_OVER, Bot, Receiver, Tanggap
from demo import connect

URL = os.environ.get("TANGGAP_URL", "http://127.0.0.1:8080")
SANDBOX = os.environ.get("TANGGAP_SANDBOX_URL", "http://127.0.0.1:8090")
CUSTOMER = "6281255500001"


def eventually(look: Callable[[], object]) -> object:
    """What it finds, when it finds something."""
    until = time.monotonic() + 30
    while not (found := look()):
        if time.monotonic() > until:
            raise AssertionError("it did not happen")
        time.sleep(0.05)
    return found


class LiveTest(unittest.TestCase):
    def setUp(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        key, self.endpoint, secret = connect(URL, f"http://127.0.0.1:{port}/")
        self.receiver = Receiver(("127.0.0.1", port), secret, Bot(Tanggap(URL, key)))
        threading.Thread(target=self.receiver.serve_forever, daemon=True).start()
        self.addCleanup(self.receiver.server_close)
        self.addCleanup(self.receiver.shutdown)
        login = {"email": "admin@demo.example", "password": "tanggap-demo"}
        token = httpx.post(f"{URL}/v1/auth/login", json=login).raise_for_status().json()["access_token"]
        self.admin = httpx.Client(base_url=URL, headers={"authorization": f"Bearer {token}"})
        self.addCleanup(self.admin.close)

    def writes(self, text: str) -> None:
        body = {"channel": "whatsapp", "name": "Rina Marlina", "text": text}
        httpx.post(f"{SANDBOX}/sandbox/customers/{CUSTOMER}/messages", json=body).raise_for_status()

    def answers(self) -> list[str]:
        chat = httpx.get(f"{SANDBOX}/sandbox/customers/{CUSTOMER}/messages?direction=outbound").raise_for_status()
        return [message["text"] for message in chat.json()["items"]]

    def conversation(self) -> dict:
        page = self.admin.get("/v1/conversations", params={"tab": "all", "q": CUSTOMER}).raise_for_status().json()
        return page["items"][0]

    def deliveries(self) -> list[dict]:
        return self.admin.get(f"/v1/webhook-endpoints/{self.endpoint}/deliveries").raise_for_status().json()["items"]

    def test_a_customer_is_answered_once_and_handed_over(self) -> None:
        self.writes("Halo kak, ongkir ke Malang berapa?")
        eventually(lambda: self.answers() == [ANSWERS["ongkir"]])
        self.assertEqual(self.conversation()["assignee"]["name"], "Bot")
        # The same deliveries again, of the customer's message and of the bot's own.
        settled = lambda: all(one["state"] == "delivered" for one in self.deliveries()) and len(self.deliveries()) >= 2
        eventually(settled)
        first = self.deliveries()
        for one in first:
            path = f"/v1/webhook-endpoints/{self.endpoint}/deliveries/{one['id']}/redeliver"
            self.admin.post(path).raise_for_status()
        attempts = lambda: sum(len(one["attempts"]) for one in self.deliveries())
        eventually(lambda: attempts() >= 2 * len(first))
        self.writes("Barang saya rusak, mau retur")
        eventually(lambda: self.answers() == [ANSWERS["ongkir"], HANDS_OVER])
        eventually(lambda: self.conversation()["assignee"] is None)
        # The team answers from here.
        self.writes("Jam berapa buka?")
        eventually(lambda: len(self.deliveries()) >= 5 and settled())
        self.assertEqual(self.answers(), [ANSWERS["ongkir"], HANDS_OVER])


if __name__ == "__main__":
    unittest.main()
