"""Starts a server with the demo's data, runs schemathesis on it once per role, and ends the server.

Its argument is the server's program. It leaves what was found, and the server's log, in target/schemathesis.
"""

import json
import os
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

FOLDER = pathlib.Path("target/schemathesis")
LOG = FOLDER / "server.log"
OPERATOR_KEY = "operator-of-the-contract"
# The seconds that the server may take to start, or to end.
LIMIT = 180

# The options of each role, in the order of what it can delete: the least comes first. The forms of requests are tried as the
# admin; as the others, what differs are the rights.
ROLES = {
    "nobody": ["--phases", "examples,fuzzing", "--max-examples", "2"],
    "agent": ["--phases", "examples,fuzzing,stateful", "--max-examples", "3"],
    "supervisor": ["--phases", "examples,fuzzing,stateful", "--max-examples", "3"],
    "api_key": ["--phases", "examples,fuzzing,stateful", "--max-examples", "3"],
    "admin": [],
    "operator": ["--include-operation-id", "create_workspace"],
}


def main(program):
    api, sandbox = free_addresses()
    with tempfile.TemporaryDirectory() as data, LOG.open("w") as log:
        # Started by root, PostgreSQL runs as somebody else, who must get through.
        os.chmod(data, 0o755)
        options = ["dev", "--data-dir", data, "--listen", api, "--sandbox-listen", sandbox, "--log-format", "json"]
        # No sign-in is to run out while the tool is at work, which calls more often than anybody is allowed to.
        settings = {
            "TANGGAP_ACCESS_TOKEN_LIFETIME": "24h",
            "TANGGAP_OPERATOR_KEY": OPERATOR_KEY,
            "TANGGAP_RATE_LIMIT": "0",
        }
        own = {name: value for name, value in os.environ.items() if not name.startswith(("DATABASE_URL", "TANGGAP_"))}
        server = subprocess.Popen([program, *options], stdout=log, stderr=log, env=own | settings)
        try:
            wait_until_ready(server)
            findings = run_roles(f"http://{api}")
        finally:
            server.terminate()
            try:
                server.wait(LIMIT)
            except subprocess.TimeoutExpired:
                server.kill()
                raise
    failures = [line for line in LOG.read_text().splitlines() if re.search(r'"status":5\d\d|panicked', line)]
    print(*failures, sep="\n")
    if findings or failures:
        sys.exit(f"Findings: {', '.join(findings) or 'the server failed'}. See {FOLDER}/*.txt and {LOG}.")


def free_addresses():
    taken = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    return [f"127.0.0.1:{one.getsockname()[1]}" for one in taken]


def wait_until_ready(server):
    began = time.monotonic()
    while "Ctrl-C stops it" not in LOG.read_text():
        if server.poll() is not None or time.monotonic() - began > LIMIT:
            sys.exit(LOG.read_text())
        time.sleep(0.2)


def run_roles(api):
    bearers = sign_in_everybody(api)
    write_ids(api, bearers["admin"])
    return [role for role, options in ROLES.items() if not run(api, role, bearers[role], options)]


def sign_in_everybody(api):
    """The bearer of each role: all of them before the tool tries wrong passwords."""
    bearers = {"nobody": "nobody", "operator": OPERATOR_KEY}
    for role, name in [("agent", "siti"), ("supervisor", "supervisor"), ("admin", "admin")]:
        body = {"workspace": "demo", "email": f"{name}@demo.example", "password": "tanggap-demo"}
        bearers[role] = call(api, "/v1/auth/login", body=body)["access_token"]
    scopes = json.loads(pathlib.Path("openapi/openapi.json").read_text())["components"]["schemas"]["KeyScope"]["enum"]
    body = {"name": "Contract", "scopes": scopes}
    bearers["api_key"] = call(api, "/v1/api-keys", bearers["admin"], body)["key"]
    return bearers


def write_ids(api, admin):
    """The dictionaries of schemathesis.toml: a quoted word a line."""
    (FOLDER / "ids").mkdir(exist_ok=True)
    paths = {name: f"/v1/{name}" for name in ["agents", "channels", "contacts", "divisions"]}
    paths["conversations"] = "/v1/conversations?tab=all"
    newest = call(api, paths["conversations"], admin)["items"][0]["id"]
    paths["messages"] = f"/v1/conversations/{newest}/messages"
    for name, path in paths.items():
        ids = [item["id"] for item in call(api, path, admin)["items"]]
        (FOLDER / "ids" / name).write_text("\n".join(f'"{id}"' for id in ids))


def run(api, role, bearer, options):
    """Runs the tool as somebody; true if it found nothing."""
    print(f"schemathesis as {role} ...", flush=True)
    member = call(api, "/v1/me", bearer) if role not in ("nobody", "operator") else None
    program = [FOLDER / "bin" / "st", "--config-file", "contract/schemathesis/schemathesis.toml"]
    own = {"AUTHORIZATION": f"Bearer {bearer}", "CALLER_ID": member["id"] if member else ""}
    with (FOLDER / f"{role}.txt").open("w") as output:
        command = [*program, "run", f"{api}/openapi.json", "--no-color", *options]
        ended = subprocess.run(command, stdout=output, stderr=output, env=os.environ | own)
    text = (FOLDER / f"{role}.txt").read_text()
    print(text if ended.returncode else text.rstrip().rpartition("\n")[2], flush=True)
    return ended.returncode == 0 and (member is None or still(api, bearer, member["role"]))


def still(api, bearer, role):
    """Whether somebody has neither lost its sign-in nor its role: what was refused after that proves nothing."""
    try:
        now = call(api, "/v1/me", bearer)["role"]
    except urllib.error.HTTPError as refused:
        now = refused.code
    if now != role:
        print(f"It called as {role} and is {now} now.")
    return now == role


def call(api, path, bearer=None, body=None):
    request = urllib.request.Request(api + path, None if body is None else json.dumps(body).encode())
    request.add_header("Content-Type", "application/json")
    if bearer is not None:
        request.add_header("Authorization", f"Bearer {bearer}")
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


main(sys.argv[1])
