"""What schemathesis is told of Tanggap beside its document; `run.sh` has it loaded."""

import os

import schemathesis
from hypothesis import strategies
from schemathesis.openapi.checks import RejectedPositiveData

CALLER = os.environ.get("CALLER_ID")
"""The member that calls, if the role is a member's."""

# Names of the IANA database, of which the document cannot list all. What this machine knows may be newer than what the server does.
ZONES = ["UTC", "Asia/Jakarta", "Asia/Kathmandu", "Europe/Berlin", "America/Sao_Paulo", "Pacific/Auckland", "Africa/Nairobi"]
schemathesis.openapi.format("timezone", strategies.sampled_from(ZONES))

schemathesis.openapi.format("emoji", strategies.sampled_from(["👍", "❤️", "🙏", "👩‍👩‍👧", "🇮🇩"]))


@schemathesis.serializer("text/csv")
def csv(context, value):
    return value if isinstance(value, bytes) else str(value).encode()


@schemathesis.check
def problems_have_a_published_code(ctx, response, case):
    """A-04: every refusal is a problem with a code of the list in the document."""
    if response.status_code < 400:
        return
    content_type = response.headers.get("content-type", [""])[0]
    assert content_type == "application/problem+json", f"a refusal of type {content_type!r}"
    problem = response.json()
    published = case.operation.schema.raw_schema["components"]["schemas"]["Code"]["enum"]
    assert problem["code"] in published, f"the code {problem['code']!r} is not in the document"
    assert problem["type"] == f"urn:tanggap:problem:{problem['code']}", problem["type"]
    assert problem["status"] == response.status_code, problem["status"]
    assert problem["request_id"] == response.headers["x-request-id"][0], problem["request_id"]


@schemathesis.hook
def filter_case(context, case):
    """No member takes itself out of the team, or its role away: what comes after would be refused for no other reason."""
    own = CALLER is not None and (case.path_parameters or {}).get("agent_id") == CALLER
    return not (own and case.method.upper() in ("DELETE", "PATCH"))


@schemathesis.hook
def before_call(context, case, kwargs):
    # Half a minute of waiting for events tells nothing.
    if case.operation.path == "/v1/events" and case.query and case.query.get("wait") in range(1, 31):
        case.query["wait"] = 0
    # The tool makes an empty header of a pattern with quotation marks.
    if case.meta.generation.mode.is_positive and case.headers and case.headers.get("If-Match") == "":
        case.headers["If-Match"] = '"1"'


# Refusals (422) of requests that the document allows: it cannot know them. All others are findings.

CODES = {
    "invalid_cursor": "cursors are made by the server",
    "idempotency_key_reused": "the generator repeats keys with other requests",
}
"""Codes of problems."""

ERRORS = {
    "unknown": "there is no such thing",
    "taken": "another one has it",
    "same": "is the thing itself",
    "wrong_password": "is not the caller's",
    "characters": "invisible characters, which patterns of all languages have no words for",
    "conflict": "not together with another field",
    "one_of": "either this field or that one",
    "unexpected": "not with this kind",
    "range": "before another time, or not in the future",
    "kind": "not on this channel",
    "not_supported": "not on this channel",
    "content_type": "the bytes are something else",
    "duplicate": "the tool draws from its dictionaries without heeding `uniqueItems`",
    "repeated": "the same",
    "value": "`all` is true or not there; a constant of truth is what makers of clients stumble over",
    "not_a_supervisor": "has another role",
    "bot_token": "is of another bot",
    "no_phone": "the contact has none",
    "not_allowed": "not an address that may be called",
}
"""Codes of the errors within a problem."""

PLACES = {
    "/components": "the provider's rules for templates; the schema is also that of templates which the provider made",
    "/template": "what the template leaves open",
    "/interactive": "the bounds of the channel, see `capabilities`",
    "/location": "a name and an address come together",
    "/messages/": "of what is delivered on an `api` channel: each kind has fields of its own, of which some come together",
    "/statuses/": "the same: a message is named by one of two fields, and only what failed has an error",
}
"""Places in bodies."""

FILES = {"/v1/contacts/import"}
"""Operations that take files of lines and columns."""

REQUIRED = {"/text", "/template", "/attachment_id", "/location", "/interactive", "/phone", "/conversation"}
"""Fields that are required with some kinds, or in the place of others."""


@schemathesis.hook
def filter_failure(context, failure, case, response):
    """Drops what is right of the refusals of valid data."""
    if not isinstance(failure, RejectedPositiveData) or response.status_code != 422:
        return True
    problem = response.json()
    if problem["code"] in CODES or case.operation.path in FILES:
        return False
    return not problem["errors"] or not all(map(beyond_the_document, problem["errors"]))


def beyond_the_document(error):
    pointer, code = error["pointer"], error["code"]
    # To JSON Schema 60.0 is an integer. No client writes one like that.
    fraction = code == "type" and error["detail"].startswith("invalid type: floating point")
    return (
        code in ERRORS
        or fraction
        or any(pointer.startswith(place) for place in PLACES)
        or (code == "required" and pointer in REQUIRED)
    )
