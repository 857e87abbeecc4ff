"""Each case changes a small document in one way and says what is told of it."""

import copy
import io
import json
import tempfile
import unittest
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, Callable

from compare import Comparison, main

DOCUMENT: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "Shop", "version": "1.4.0"},
    "paths": {
        "/orders": {
            "get": {
                "operationId": "list_orders",
                "security": [{"token": []}, {"key": []}],
                "x-roles": ["admin", "agent"],
                "x-scope": "orders:read",
                "parameters": [
                    {"in": "query", "name": "limit", "schema": {"type": "integer", "minimum": 1, "maximum": 100}},
                ],
                "responses": {
                    "200": {
                        "headers": {"ETag": {"schema": {"type": "string"}}},
                        "content": {
                            "application/json": {
                                "schema": {"type": "array", "items": {"$ref": "#/components/schemas/Order"}}
                            }
                        },
                    },
                    "409": {},
                },
            },
            "post": {
                "operationId": "create_order",
                "requestBody": {
                    "required": True,
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/NewOrder"}}},
                },
                "responses": {
                    "201": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Order"}}}}
                },
            },
        }
    },
    "components": {
        "schemas": {
            "State": {"type": "string", "enum": ["open", "paid"]},
            "Order": {
                "type": "object",
                "required": ["id", "state", "note", "payment", "replaces"],
                "properties": {
                    "id": {"type": "string", "format": "uuid"},
                    "state": {"$ref": "#/components/schemas/State"},
                    "note": {"type": "string", "maxLength": 100},
                    "payment": {"$ref": "#/components/schemas/Payment"},
                    "replaces": {"oneOf": [{"$ref": "#/components/schemas/Order"}, {"type": "null"}]},
                },
            },
            "NewOrder": {
                "type": "object",
                "additionalProperties": False,
                "required": ["state"],
                "properties": {
                    "state": {"$ref": "#/components/schemas/State"},
                    "note": {"type": ["string", "null"], "maxLength": 100},
                    "payment": {"$ref": "#/components/schemas/Payment"},
                },
            },
            "Payment": {
                "oneOf": [
                    {
                        "type": "object",
                        "required": ["kind", "number"],
                        "properties": {"kind": {"const": "card"}, "number": {"type": "integer", "format": "int32"}},
                    },
                    {"type": "object", "required": ["kind"], "properties": {"kind": {"enum": ["cash"]}}},
                ]
            },
        }
    },
}

Change = Callable[[dict[str, Any]], Any]

LIST = "GET /orders"
CREATE = "POST /orders"
LISTED = f"{LIST}: answer 200: []"
BODY = f"{CREATE}: body application/json"


def operation(document: dict[str, Any], method: str) -> dict[str, Any]:
    return document["paths"]["/orders"][method]


def schema(document: dict[str, Any], name: str) -> dict[str, Any]:
    return document["components"]["schemas"][name]


def field(document: dict[str, Any], name: str, of: str) -> dict[str, Any]:
    return schema(document, of)["properties"][name]


BREAKING: dict[str, tuple[Change, list[str]]] = {
    "a removed path": (lambda d: d["paths"].clear(), [f"{LIST}: was removed", f"{CREATE}: was removed"]),
    "a removed operation": (lambda d: d["paths"]["/orders"].pop("get"), [f"{LIST}: was removed"]),
    "another name of an operation": (
        lambda d: operation(d, "get").update(operationId="orders"),
        [f"{LIST}: is called orders, no longer list_orders"],
    ),
    "credentials that are no longer taken": (lambda d: operation(d, "get")["security"].pop(), [f"{LIST}: no longer takes key"]),
    "a role that may no longer": (
        lambda d: operation(d, "get").update({"x-roles": ["admin"]}),
        [f"{LIST}: is no longer for the role agent"],
    ),
    "another scope": (
        lambda d: operation(d, "get").update({"x-scope": "orders:all"}),
        [f"{LIST}: needs the scope orders:all, not orders:read"],
    ),
    "a removed parameter": (
        lambda d: operation(d, "get")["parameters"].clear(),
        [f"{LIST}: query parameter limit: was removed"],
    ),
    "a parameter that becomes required": (
        lambda d: operation(d, "get")["parameters"][0].update(required=True),
        [f"{LIST}: query parameter limit: is now required"],
    ),
    "a new required parameter": (
        lambda d: operation(d, "get")["parameters"].append({"in": "query", "name": "shop", "required": True}),
        [f"{LIST}: query parameter shop: is now required"],
    ),
    "a narrower range": (
        lambda d: operation(d, "get")["parameters"][0]["schema"].update(maximum=50),
        [f"{LIST}: query parameter limit: no longer takes more than maximum 50"],
    ),
    "a removed status": (lambda d: operation(d, "get")["responses"].pop("409"), [f"{LIST}: answer 409: was removed"]),
    "a new success": (
        lambda d: operation(d, "get")["responses"].update({"202": {}}),
        [f"{LIST}: answer 202: is a new way to succeed"],
    ),
    "a removed header": (
        lambda d: operation(d, "get")["responses"]["200"]["headers"].clear(),
        [f"{LIST}: answer 200: no longer has the header ETag"],
    ),
    "another media type": (
        lambda d: operation(d, "post")["responses"]["201"].update(content={"text/csv": {}}),
        [f"{CREATE}: answer 201: is no longer application/json"],
    ),
    "a body of another media type": (
        lambda d: operation(d, "post")["requestBody"].update(content={"text/csv": {}}),
        [f"{BODY}: is no longer taken"],
    ),
    "a new required field of a request": (
        lambda d: schema(d, "NewOrder")["required"].append("note"),
        [f"{BODY}: no longer takes an object without `note`"],
    ),
    "a removed field of a request": (
        lambda d: schema(d, "NewOrder")["properties"].pop("note"),
        [f"{BODY}: no longer takes the field `note`"],
    ),
    "a field of a request that is no longer null": (
        lambda d: field(d, "note", of="NewOrder").update(type="string"),
        [f"{BODY}: note: no longer takes null"],
    ),
    "a shorter field of a request": (
        lambda d: field(d, "note", of="NewOrder").update(maxLength=50),
        [f"{BODY}: note: no longer takes more than maxLength 50"],
    ),
    "a form for a field of a request": (
        lambda d: field(d, "note", of="NewOrder").update(pattern="^a"),
        [f"{BODY}: note: no longer takes what does not match ^a"],
    ),
    "a removed value": (
        lambda d: schema(d, "State").update(enum=["open"]),
        [f"{BODY}: state: no longer takes the value `paid`"],
    ),
    "a removed variant": (
        lambda d: schema(d, "Payment")["oneOf"].pop(),
        [f"{BODY}: payment: no longer takes the variant with kind `cash`"],
    ),
    "a removed field of an answer": (
        lambda d: schema(d, "Order")["properties"].pop("note"),
        [f"{LISTED}: may now be an object without `note`"],
    ),
    "a field of an answer that may be absent": (
        lambda d: schema(d, "Order")["required"].remove("note"),
        [f"{LISTED}: may now be an object without `note`"],
    ),
    "a field of an answer that may be null": (
        lambda d: field(d, "note", of="Order").update(type=["string", "null"]),
        [f"{LISTED}.note: may now be null"],
    ),
    "another type in an answer": (
        lambda d: field(d, "note", of="Order").update(type="integer"),
        [f"{LISTED}.note: may now be integer"],
    ),
    "a lost format": (lambda d: field(d, "id", of="Order").pop("format"), [f"{LISTED}.id: may now be what is no uuid"]),
    "a larger number in a variant": (
        lambda d: schema(d, "Payment")["oneOf"][0]["properties"]["number"].update(format="int64"),
        [f"{LISTED}.payment.number: may now be what is no int32"],
    ),
}

HARMLESS: dict[str, tuple[Change, list[str]]] = {
    "nothing": (lambda d: None, []),
    "a new path": (lambda d: d["paths"].update({"/shops": {"get": {"responses": {"200": {}}}}}), []),
    "a new optional parameter": (
        lambda d: operation(d, "get")["parameters"].append({"in": "query", "name": "q", "schema": {"type": "string"}}),
        [],
    ),
    "a new refusal": (lambda d: operation(d, "get")["responses"].update({"429": {}}), []),
    "a new optional field of a request": (
        lambda d: schema(d, "NewOrder")["properties"].update(gift={"type": "boolean"}),
        [],
    ),
    "a longer field of a request": (lambda d: field(d, "note", of="NewOrder").update(maxLength=200), []),
    "a new field of an answer": (lambda d: schema(d, "Order")["properties"].update(total={"type": "integer"}), []),
    "a longer field of an answer": (lambda d: field(d, "note", of="Order").pop("maxLength"), []),
    "a schema in place of a reference to it": (
        lambda d: schema(d, "Order")["properties"].update(state=schema(d, "State")),
        [],
    ),
    "a new value": (lambda d: schema(d, "State")["enum"].append("sent"), [f"{LISTED}.state: may now be the value `sent`"]),
    "a new variant": (
        lambda d: schema(d, "Payment")["oneOf"].append(
            {"type": "object", "required": ["kind"], "properties": {"kind": {"const": "points"}}}
        ),
        [f"{LISTED}.payment: may now be the variant with kind `points`"],
    ),
}


class Changes(unittest.TestCase):
    """What is told of each."""

    def test_what_breaks_programs_is_told(self) -> None:
        for name, (change, expected) in BREAKING.items():
            with self.subTest(name):
                changes = self.after(change)
                self.assertEqual(expected, [str(one) for one in changes])
                self.assertFalse(any(one.harmless for one in changes))

    def test_what_programs_take_as_it_comes_is_at_most_noted(self) -> None:
        for name, (change, expected) in HARMLESS.items():
            with self.subTest(name):
                changes = self.after(change)
                self.assertEqual(expected, [str(one) for one in changes])
                self.assertTrue(all(one.harmless for one in changes))

    def after(self, change: Change) -> list[Any]:
        changed = copy.deepcopy(DOCUMENT)
        change(changed)
        return list(Comparison(DOCUMENT, changed).changes())


class Versions(unittest.TestCase):
    """Which of them may break programs."""

    def test_only_a_raised_version_may_break_programs(self) -> None:
        for before, now, passes in [
            ("1.4.0", "1.4.0", False),
            ("1.4.0", "1.5.0", False),
            ("1.4.0", "2.0.0", True),
            ("0.1.0", "0.1.1", False),
            ("0.1.0", "0.2.0", True),
            ("0.9.0", "1.0.0", True),
            ("1.9.0", "1.10.0", False),
        ]:
            with self.subTest(f"{before} to {now}"):
                self.assertEqual(0 if passes else 1, self.outcome(before, now, lambda d: d["paths"].clear()))

    def test_what_breaks_nothing_needs_no_version(self) -> None:
        self.assertEqual(0, self.outcome("1.4.0", "1.4.0", lambda d: schema(d, "State")["enum"].append("sent")))

    def outcome(self, before: str, now: str, change: Change) -> int:
        changed = copy.deepcopy(DOCUMENT)
        change(changed)
        with tempfile.TemporaryDirectory() as folder, redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            paths = [Path(folder, name) for name in ("released.json", "current.json")]
            for path, document, version in zip(paths, (DOCUMENT, changed), (before, now), strict=True):
                info = {**document["info"], "version": version}
                path.write_text(json.dumps({**document, "info": info}), encoding="utf-8")
            return main(*paths)


if __name__ == "__main__":
    unittest.main()
