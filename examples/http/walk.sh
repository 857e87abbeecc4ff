#!/usr/bin/env bash
# A walk through the API with curl: sign in, look, let a customer write, answer, follow what happens, resolve.
#
#   ./walk.sh [http://127.0.0.1:8080 [http://127.0.0.1:8090]]     the API, and the sandbox
set -euo pipefail

api=${1:-http://127.0.0.1:8080}
sandbox=${2:-http://127.0.0.1:8090}
customer=628129999$RANDOM

say() { printf '\n== %s\n' "$*" >&2; }

# Fails with the problem that the server answers.
call() { curl --silent --show-error --fail-with-body --header 'content-type: application/json' "$@"; }

# The first text of this name in a JSON document. A script of your own has jq.
field() { grep -o "\"$1\":\"[^\"]*\"" | sed -n '1s/.*:"\(.*\)"/\1/p'; }

say "Siti signs in: an access token for 15 minutes, and a refresh token for the next one"
signed_in=$(call "$api/v1/auth/login" --data '{"email": "siti@demo.example", "password": "tanggap-demo"}')
token=$(field access_token <<<"$signed_in")
auth=(--header "authorization: Bearer $token")

say "What waits for an agent. The header Stream-Cursor says from where to follow what happens next"
waiting=$(call --include "${auth[@]}" "$api/v1/conversations?tab=unassigned&limit=1" | tr -d '\r')
cursor=$(sed -n 's/^stream-cursor: //p' <<<"$waiting")
echo "$waiting"

say "A customer writes on WhatsApp, played by the sandbox"
call "$sandbox/sandbox/customers/$customer/messages" --data '{"channel": "whatsapp", "name": "Rina", "text": "Halo kak, ada stok?"}'
echo

say "What happened since. If there were nothing, the answer would wait for it up to 10 seconds"
events=$(call "${auth[@]}" "$api/v1/events?since=$cursor&wait=10")
grep -o '"type":"[a-z_]*\.[a-z_]*"' <<<"$events"
cursor=$(grep -o '"cursor":"[^"]*"' <<<"$events" | tail -n 1 | cut -d '"' -f 4)
conversation=$(call "${auth[@]}" "$api/v1/conversations?tab=unassigned&q=$customer" | field id)

say "Siti answers, and so takes the conversation. The same Idempotency-Key twice is one answer"
for _ in 1 2; do
  call "${auth[@]}" "$api/v1/conversations/$conversation/messages" --header "idempotency-key: walk-$conversation" \
    --data '{"kind": "text", "text": "Ada kak, mau pesan berapa?"}' | field id
done

say "What the customer has got, as soon as it has been read"
call "$sandbox/sandbox/customers/$customer/messages?direction=outbound&status=read&wait=10"
echo

say "How the team was told: queued, sent, delivered, read"
call "${auth[@]}" "$api/v1/events?since=$cursor&wait=10" | grep -o '"type":"message\.[a-z]*"\|"status":"[a-z]*"'

say "Done: the ticket is closed; the customer's next message begins a new session"
call "${auth[@]}" --request POST "$api/v1/conversations/$conversation/resolve" | field status

say "What cannot be done is said with a stable code"
curl --silent "${auth[@]}" --request POST "$api/v1/conversations/$conversation/resolve" | field code

say "Siti signs out"
call "$api/v1/auth/logout" --data "{\"refresh_token\": \"$(field refresh_token <<<"$signed_in")\"}"
