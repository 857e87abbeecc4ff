"""A bot that answers customers: webhooks bring their messages, the API takes its answers.

It needs the address of Tanggap, an API key (scopes conversations:read, conversations:write, messages:write) in the name of a
member of its own, and the secret of a webhook endpoint for `message.created` that leads here. `demo.py` makes all of it.
"""

import json
import logging
import os
import threading
from collections import OrderedDict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
from standardwebhooks import Webhook, WebhookVerificationError

ANSWERS = {
    "ongkir": "Ongkir ke Jawa Rp 18.000, luar Jawa mulai Rp 32.000.",
    "jam": "Kami buka Senin sampai Sabtu, pukul 08.00 sampai 17.00.",
    "alamat": "Alamat kami Jalan Kaliurang 12, Sleman.",
}
HANDS_OVER = "Mohon tunggu sebentar ya kak, kami sambungkan ke tim kami."

MOST_BYTES = 1 << 20  # an event has 64 KiB at most
REMEMBERED = 10_000

log = logging.getLogger("bot")


class Tanggap:
    """The few calls of the API that the bot makes."""

    def __init__(self, url: str, api_key: str) -> None:
        self._http = httpx.Client(base_url=url, headers={"authorization": f"Bearer {api_key}"}, timeout=10)

    def me(self) -> str:
        return self._call("GET", "/v1/me")["id"]

    def read(self, path: str) -> dict:
        return self._call("GET", path)

    def reply(self, conversation: str, text: str, key: str) -> None:
        """Sends a text. With the same key it is sent once, however often this is called."""
        body = {"kind": "text", "text": text, "client_message_id": key}
        self._call("POST", f"/v1/conversations/{conversation}/messages", key, body)

    def hand_over(self, conversation: str, key: str, division: str | None) -> None:
        """Gives the conversation to a division, or back to all who wait for customers."""
        path = f"/v1/conversations/{conversation}"
        if division:
            self._call("POST", f"{path}/assign", key, {"division_id": division})
        else:
            self._call("POST", f"{path}/unassign", key)

    def _call(self, method: str, path: str, key: str | None = None, body: dict | None = None) -> dict:
        headers = {"idempotency-key": key} if key else {}
        answer = self._http.request(method, path, json=body, headers=headers)
        answer.raise_for_status()
        return answer.json()


class Bot:
    """Decides what to say."""

    def __init__(self, tanggap: Tanggap, division: str | None = None) -> None:
        self._tanggap = tanggap
        self._division = division
        self._me: str | None = None

    def take(self, delivery: str, event: dict) -> None:
        """Answers a message of a customer; what the bot itself or the team wrote comes here too."""
        if event["type"] != "message.created":
            return
        message = event["data"]
        if "ref" in message:  # too large for an event
            message = self._tanggap.read(message["ref"])
        if message["direction"] != "inbound" or not message["text"]:
            return
        conversation = self._tanggap.read(f"/v1/conversations/{message['conversation_id']}")
        if not self._is_mine(conversation):
            return
        answer = next((text for word, text in ANSWERS.items() if word in message["text"].lower()), None)
        self._tanggap.reply(conversation["id"], answer or HANDS_OVER, f"{delivery}-reply")
        if answer is None:
            self._tanggap.hand_over(conversation["id"], f"{delivery}-handover", self._division)

    def _is_mine(self, conversation: dict) -> bool:
        """What nobody holds is the bot's, unless it has a ticket: then it was handed over, and the team answers."""
        if conversation["assignee"] is None:
            return conversation["ticket_id"] is None
        self._me = self._me or self._tanggap.me()
        return conversation["assignee"]["id"] == self._me


class Receiver(ThreadingHTTPServer):
    """Takes deliveries: 204 when one is done with; anything else, and it comes again later."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], secret: str, bot: Bot) -> None:
        super().__init__(address, Delivery)
        self.webhook = Webhook(secret)
        self.bot = bot
        self._done: OrderedDict[str, None] = OrderedDict()
        self._lock = threading.Lock()

    def once(self, delivery: str, event: dict) -> None:
        """A delivery may come again, also while it is being worked on: one after the other, and each id once."""
        with self._lock:
            if delivery in self._done:
                return
            self.bot.take(delivery, event)
            self._done[delivery] = None
            if len(self._done) > REMEMBERED:
                self._done.popitem(last=False)


class Delivery(BaseHTTPRequestHandler):
    """One call of Tanggap."""

    server: Receiver
    timeout = 10

    def do_POST(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        if length > MOST_BYTES:
            return self._answer(413)
        body = self.rfile.read(length)
        try:
            self.server.webhook.verify(body, dict(self.headers))
        except WebhookVerificationError:
            return self._answer(401)
        try:
            self.server.once(self.headers["webhook-id"], json.loads(body))
        except httpx.HTTPStatusError as failure:
            code = failure.response.json().get("code") if failure.response.is_client_error else None
            if failure.response.status_code in (401, 429) or code is None:
                return self._answer(503)
            # Somebody else was faster, or the customer may not be written to now: nothing to do, now or later.
            log.info("not answered: %s", code)
        except httpx.HTTPError as failure:
            log.warning("Tanggap is away: %s", type(failure).__name__)
            return self._answer(503)
        return self._answer(204)

    def _answer(self, status: int) -> None:
        self.send_response(status)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        log.info(format, *args)


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    bot = Bot(Tanggap(os.environ["TANGGAP_URL"], os.environ["TANGGAP_API_KEY"]), os.environ.get("BOT_DIVISION_ID"))
    address = (os.environ.get("BOT_HOST", "127.0.0.1"), int(os.environ.get("BOT_PORT", "8100")))
    with Receiver(address, os.environ["TANGGAP_WEBHOOK_SECRET"], bot) as receiver:
        log.info("listening on %s:%s", *receiver.server_address)
        receiver.serve_forever()


if __name__ == "__main__":
    main()
