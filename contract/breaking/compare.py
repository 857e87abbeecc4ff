"""What breaks programs that were written for the older one of two OpenAPI documents. docs/contract.md has the rules.

    compare.py RELEASED CURRENT
"""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterator

from schemas import ANY, Difference, Schema, Subset, resolved

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")


@dataclass(frozen=True)
class Change:
    """Something that programs may notice."""

    where: str
    what: str
    # Programs have to take it as it comes: an enumeration of answers gained a value.
    harmless: bool = False

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


class Comparison:
    """Of two documents."""

    def __init__(self, old: Schema, new: Schema) -> None:
        self.old = old
        self.new = new
        # What was sent must still be taken; what is answered must be what could be answered before.
        self.requests = Subset(old, new, requests=True)
        self.answers = Subset(new, old, requests=False)

    def changes(self) -> Iterator[Change]:
        """All of them, in the order of the older document."""
        for path, item in self.old["paths"].items():
            for method in filter(item.__contains__, METHODS):
                where = f"{method.upper()} {path}"
                now = self.new["paths"].get(path, {}).get(method)
                if now is None:
                    yield Change(where, "was removed")
                else:
                    yield from self._operation(where, item[method], now)

    def _operation(self, where: str, old: Schema, new: Schema) -> Iterator[Change]:
        if old.get("operationId") != new.get("operationId"):
            yield Change(where, f"is called {new.get('operationId')}, no longer {old.get('operationId')}")
        yield from self._rights(where, old, new)
        yield from self._parameters(where, old, new)
        yield from self._body(where, old, new)
        yield from self._answers(where, old, new)

    def _rights(self, where: str, old: Schema, new: Schema) -> Iterator[Change]:
        now = [set(one) for one in new.get("security", [{}])]
        for credentials in old.get("security", [{}]):
            if not any(one <= set(credentials) for one in now):
                yield Change(where, f"no longer takes {' and '.join(credentials) or 'callers without credentials'}")
        for role in old.get("x-roles", []):
            if role not in new.get("x-roles", []):
                yield Change(where, f"is no longer for the role {role}")
        if "x-scope" in new and new["x-scope"] is not None and old.get("x-scope", new["x-scope"]) != new["x-scope"]:
            yield Change(where, f"needs the scope {new['x-scope']}, not {old['x-scope']}")

    def _parameters(self, where: str, old: Schema, new: Schema) -> Iterator[Change]:
        before, now = parameters(old, self.old), parameters(new, self.new)
        for key, parameter in before.items():
            what = f"{where}: {key[0]} parameter {key[1]}"
            if key not in now:
                yield Change(what, "was removed")
                continue
            yield from self._request(what, parameter.get("schema", ANY), now[key].get("schema", ANY))
        for key, parameter in now.items():
            if parameter.get("required") and not before.get(key, {}).get("required"):
                yield Change(f"{where}: {key[0]} parameter {key[1]}", "is now required")

    def _body(self, where: str, old: Schema, new: Schema) -> Iterator[Change]:
        before, now = resolved(old.get("requestBody", {}), self.old), resolved(new.get("requestBody", {}), self.new)
        if now.get("required") and not before.get("required"):
            yield Change(f"{where}: body", "is now required")
        for media_type, content in before.get("content", {}).items():
            what = f"{where}: body {media_type}"
            if media_type not in now.get("content", {}):
                yield Change(what, "is no longer taken")
                continue
            schema_now = now["content"][media_type].get("schema", ANY)
            yield from self._request(what, content.get("schema", ANY), schema_now)

    def _answers(self, where: str, old: Schema, new: Schema) -> Iterator[Change]:
        before, now = old.get("responses", {}), new.get("responses", {})
        for status in before:
            what = f"{where}: answer {status}"
            if status not in now:
                yield Change(what, "was removed")
                continue
            yield from self._answer(what, resolved(before[status], self.old), resolved(now[status], self.new))
        for status in now:
            if status not in before and not status.startswith(("4", "5")):
                yield Change(f"{where}: answer {status}", "is a new way to succeed")

    def _answer(self, what: str, old: Schema, new: Schema) -> Iterator[Change]:
        for name in old.get("headers", {}):
            if name not in new.get("headers", {}):
                yield Change(what, f"no longer has the header {name}")
        for media_type, content in old.get("content", {}).items():
            if media_type not in new.get("content", {}):
                yield Change(what, f"is no longer {media_type}")
                continue
            schema_now = new["content"][media_type].get("schema", ANY)
            for difference in self.answers.differences(schema_now, content.get("schema", ANY), ""):
                yield Change(at(what, difference), f"may now be {difference.what}", difference.another_choice)

    def _request(self, what: str, old: Schema, new: Schema) -> Iterator[Change]:
        for difference in self.requests.differences(old, new, ""):
            yield Change(at(what, difference), f"no longer takes {difference.what}")


def at(what: str, difference: Difference) -> str:
    return f"{what}: {difference.place}" if difference.place else what


def parameters(operation: Schema, document: Schema) -> dict[tuple[str, str], Schema]:
    found = [resolved(one, document) for one in operation.get("parameters", [])]
    return {(one["in"], one["name"]): one for one in found}


def may_break(old: str, new: str) -> bool:
    """Whether the version says that programs have to be adapted: by its first number, while that is 0 by its second."""
    before, now = ([int(part) for part in version.split("-")[0].split(".")] for version in (old, new))
    return now[0] > before[0] or (now[0] == before[0] == 0 and now[1] > before[1])


def main(released: Path, current: Path) -> int:
    old, new = (json.loads(path.read_text(encoding="utf-8")) for path in (released, current))
    changes = list(Comparison(old, new).changes())
    breaking = [change for change in changes if not change.harmless]
    for change in changes:
        print(f"{'note' if change.harmless else 'breaks'}: {change}")
    before, now = (document["info"]["version"] for document in (old, new))
    print(f"{before} to {now}: {len(breaking)} changes break programs, {len(changes) - len(breaking)} do not")
    if breaking and not may_break(before, now):
        print("Undo them, or raise the version: the first number, or while it is 0 the second.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
