"""Connects the bot to `make run`: as the demo's admin it makes a member, a key and a webhook endpoint, and runs the bot.

    python demo.py [http://127.0.0.1:8080]
"""

import secrets
import sys

import httpx

from bot import Bot, Receiver, Tanggap

SCOPES = ["conversations:read", "conversations:write", "messages:write"]


def connect(url: str, receives_at: str) -> tuple[str, str, str]:
    """Answers the API key, and the endpoint's id and secret."""
    login = {"email": "admin@demo.example", "password": "tanggap-demo"}
    with httpx.Client(base_url=url) as http:

        def post(path: str, body: dict) -> dict:
            return http.post(path, json=body).raise_for_status().json()

        http.headers["authorization"] = "Bearer " + post("/v1/auth/login", login)["access_token"]
        # A member of its own, with an address that nobody signs in with: what the bot does is told in its name.
        word = secrets.token_hex(8)
        member = {"name": "Bot", "email": f"bot-{word}@demo.example", "password": secrets.token_hex(16), "role": "agent"}
        member = post("/v1/agents", member)
        key = post("/v1/api-keys", {"name": "Bot", "agent_id": member["id"], "scopes": SCOPES})
        endpoint = {"url": receives_at, "event_types": ["message.created"], "channel_ids": []}
        endpoint = post("/v1/webhook-endpoints", endpoint)
        return key["key"], endpoint["webhook_endpoint"]["id"], endpoint["secret"]


def main() -> None:
    url = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8080"
    port = 8100
    key, _, secret = connect(url, f"http://127.0.0.1:{port}/")
    with Receiver(("127.0.0.1", port), secret, Bot(Tanggap(url, key))) as receiver:
        print("The bot knows: ongkir, jam, alamat. Let a customer write.")
        receiver.serve_forever()


if __name__ == "__main__":
    main()
