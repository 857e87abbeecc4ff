// Every frame and every close code of the document, from a server that follows a script.

import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { type WebSocket, WebSocketServer } from "ws";

import { LiveStream } from "../src/stream.js";
import { eventually } from "./server.js";

type Frame = Record<string, unknown>;

const HELLO = { op: "hello", protocol: 1, heartbeat_seconds: 25, pong_seconds: 10 };

/** One connection, as the server sees it. */
class Line {
  readonly #frames: Frame[] = [];

  constructor(readonly socket: WebSocket) {
    socket.on("message", (data) => this.#frames.push(JSON.parse(data.toString())));
  }

  send(...frames: Frame[]): void {
    for (const frame of frames) this.socket.send(JSON.stringify(frame));
  }

  next(): Promise<Frame> {
    return eventually("a frame", () => this.#frames.shift());
  }
}

/** A server, and a client that talks to it. */
class Stage {
  readonly applied: number[] = [];
  readonly waited: number[] = [];
  readonly states: string[] = [];
  readonly told: unknown[] = [];
  readonly refused: (string | undefined)[] = [];
  loads = 0;
  /** What loading waits for. */
  loading: Promise<void> = Promise.resolve();
  readonly #lines: Line[] = [];
  readonly stream: LiveStream;

  private constructor(server: WebSocketServer) {
    server.on("connection", (socket) => this.#lines.push(new Line(socket)));
    this.stream = new LiveStream({
      api: {
        base: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
        token: async (refused) => `token-${this.refused.push(refused)}`,
      },
      load: async () => {
        await this.loading;
        return `loaded-${++this.loads}`;
      },
      apply: (event) => {
        this.applied.push(event.seq);
      },
      onState: (state, why) => this.states.push(`${state} ${why}`.trim()),
      onAside: (frame) => this.told.push(frame.op === "error" ? frame.code : frame.type),
      wait: async (ms) => {
        this.waited.push(ms);
      },
    });
  }

  static async open(t: TestContext): Promise<Stage> {
    const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
    await once(server, "listening");
    const stage = new Stage(server);
    t.after(() => {
      stage.stream.stop();
      server.close();
    });
    stage.stream.start();
    return stage;
  }

  /** The next connection, without a word said. */
  line(): Promise<Line> {
    return eventually("a connection", () => this.#lines.shift());
  }

  /** The next connection, and what it said to `hello`. */
  async greeted(): Promise<[Line, Frame]> {
    const line = await this.line();
    assert.equal(line.socket.protocol, "tanggap.v1");
    line.send(HELLO);
    return [line, await line.next()];
  }

  /** The next connection, subscribed after event 10. */
  async joined(): Promise<[Line, Frame]> {
    const [line, auth] = await this.greeted();
    line.send(ready(10));
    return [line, auth];
  }

  until(what: string, holds: () => boolean): Promise<true> {
    return eventually(what, () => holds() || undefined);
  }
}

function ready(seq: number): Frame {
  return { op: "ready", agent_id: "a", cursor: `c${seq}`, seq, mode: "replay", reason: null };
}

function event(seq: number, prev: number): Frame {
  const data = { id: "1", version: seq };
  return { op: "event", cursor: `c${seq}`, seq, prev, id: `${seq}`, type: "label.updated", data };
}

function place(op: "ping" | "caught_up", seq: number, prev: number | null): Frame {
  return { op, cursor: `c${seq}`, seq, prev };
}

test("it joins from the cursor of what it loaded, and follows", async (t) => {
  const stage = await Stage.open(t);
  const [line, auth] = await stage.joined();
  assert.deepEqual(auth, { op: "auth", token: "token-1", since: "loaded-1", signals: ["typing"] });
  line.send(event(12, 10), { op: "news_from_a_later_version" }, event(15, 12), place("caught_up", 16, 15));
  await stage.until("live", () => stage.states.includes("live"));
  line.send(place("ping", 18, 15));
  assert.deepEqual(await line.next(), { op: "pong", seq: 16 });
  line.send(place("ping", 18, 15), event(19, 15));
  assert.deepEqual(await line.next(), { op: "pong", seq: 18 });
  await stage.until("all events", () => stage.applied.length === 3);
  line.send({ op: "signal", type: "typing", conversation_id: "7", agent_id: "a" }, { op: "error", code: "not_found" });
  await stage.until("what is told", () => stage.told.length === 2);
  stage.stream.typing("7");
  assert.deepEqual(await line.next(), { op: "typing", conversation_id: "7" });
  assert.deepEqual([stage.applied, stage.told, stage.loads], [[12, 15, 19], ["typing", "not_found"], 1]);
});

test("what is loaded between two events comes before those that follow", async (t) => {
  const stage = await Stage.open(t);
  const [line] = await stage.joined();
  line.send(event(11, 10));
  await stage.until("the event", () => stage.applied.includes(11));
  let loaded = () => {};
  const loading = stage.stream.between(() => new Promise<void>((resolve) => (loaded = resolve)));
  line.send(event(12, 11), place("ping", 12, 12));
  assert.deepEqual(await line.next(), { op: "pong", seq: 11 });
  assert.deepEqual(stage.applied, [11]);
  loaded();
  await loading;
  await stage.until("the event", () => stage.applied.includes(12));
});

const broken: [string, (line: Line) => void, string][] = [
  ["an event is missing", (line) => line.send(event(12, 10), event(14, 13)), "c12"],
  ["the first event is missing", (line) => line.send(event(14, 13)), "c10"],
  ["events change places", (line) => line.send(event(12, 10), event(14, 13), event(13, 12)), "c12"],
  ["the last event before a ping is missing", (line) => line.send(event(12, 10), place("ping", 20, 15)), "c12"],
  ["the last event before caught_up is missing", (line) => line.send(event(12, 10), place("caught_up", 20, 15)), "c12"],
  ["`reset` is missing", (line) => line.send(event(12, 10), place("ping", 20, null)), "c12"],
  ["a frame is cut short", (line) => line.socket.send('{"op":"event","cursor":"c12'), "c10"],
  ["the connection breaks", (line) => line.socket.terminate(), "c10"],
  ["it breaks after a ping", (line) => (line.send(place("ping", 20, 10)), line.socket.close()), "c20"],
];
for (const [what, happens, cursor] of broken) {
  test(`it resumes exactly after what it received when ${what}`, async (t) => {
    const stage = await Stage.open(t);
    const [line] = await stage.joined();
    happens(line);
    const [, auth] = await stage.joined();
    assert.equal(auth["since"], cursor);
  });
}

test("it ignores what comes twice", async (t) => {
  const stage = await Stage.open(t);
  const [line] = await stage.joined();
  line.send(event(12, 10), event(12, 10), event(13, 12), event(12, 10), event(14, 13));
  await stage.until("all events", () => stage.applied.includes(14));
  assert.deepEqual(stage.applied, [12, 13, 14]);
});

test("it resumes when `ready` is missing", async (t) => {
  const stage = await Stage.open(t);
  const [line] = await stage.greeted();
  line.send(place("ping", 20, 15));
  const [, auth] = await stage.joined();
  assert.equal(auth["since"], "loaded-1");
});

for (const when of ["at the beginning", "later"]) {
  test(`a reset ${when} is answered by loading anew and subscribing from there`, async (t) => {
    const stage = await Stage.open(t);
    const [line] = when === "later" ? await stage.joined() : await stage.greeted();
    let loaded = () => {};
    stage.loading = new Promise((resolve) => (loaded = resolve));
    const reason = "expired";
    line.send(
      when === "later" ? { op: "reset", reason } : { op: "ready", cursor: "x", seq: null, mode: "reset", reason },
    );
    // Pings are answered meanwhile.
    line.send(place("ping", 10, null));
    assert.equal((await line.next())["op"], "pong");
    loaded();
    assert.deepEqual(await line.next(), { op: "subscribe", since: "loaded-2" });
    // The server has not heard it: once more.
    assert.deepEqual(await line.next(), { op: "subscribe", since: "loaded-2" });
    line.send(ready(30), event(31, 30));
    await stage.until("the event", () => stage.applied.includes(31));
    assert.deepEqual(stage.states, ["behind expired"]);
  });
}

test("a fresh token is shown when the old one runs out", async (t) => {
  const stage = await Stage.open(t);
  const [line] = await stage.joined();
  line.send({ op: "auth_due", in_seconds: 60 });
  const auth = await line.next();
  assert.deepEqual([auth["op"], auth["token"]], ["auth", "token-2"]);
  assert.deepEqual(stage.refused, [undefined, "token-1"]);
});

test("a refused token is not shown again", async (t) => {
  const stage = await Stage.open(t);
  const [line] = await stage.greeted();
  line.socket.close(4401);
  const [, auth] = await stage.joined();
  assert.equal(auth["token"], "token-2");
  assert.deepEqual(stage.refused, [undefined, "token-1"]);
});

test("it waits as long as `goaway` says, and comes back", async (t) => {
  const stage = await Stage.open(t);
  const [line] = await stage.joined();
  line.send({ op: "goaway", reason: "deploy", after_ms: 1234 });
  line.socket.close(1012);
  const [, auth] = await stage.joined();
  assert.equal(auth["since"], "c10");
  assert.deepEqual(stage.waited, [1234]);
});

test("it waits longer with every failure, until it has caught up", async (t) => {
  const stage = await Stage.open(t);
  for (let failure = 0; failure < 12; failure++) (await stage.line()).socket.terminate();
  const [line] = await stage.joined();
  const steps = stage.waited.map((ms, failure) => ms / Math.min(30_000, 250 * 2 ** failure));
  assert.ok(
    steps.every((share) => share >= 0.5 && share <= 1),
    `${stage.waited}`,
  );
  assert.ok(new Set(steps).size > 1, "by chance");
  line.send(place("caught_up", 10, 10));
  await stage.until("live", () => stage.states.includes("live"));
  line.socket.terminate();
  await stage.joined();
  assert.ok(stage.waited.at(-1)! <= 250);
});

test("a server that says nothing is given up", async (t) => {
  const stage = await Stage.open(t);
  const line = await stage.line();
  line.send({ ...HELLO, heartbeat_seconds: 0.1, pong_seconds: 0.1 });
  await stage.joined();
});

test("another protocol is not spoken", async (t) => {
  const stage = await Stage.open(t);
  (await stage.line()).send({ ...HELLO, protocol: 2 });
  await stage.until("the end", () => stage.states.includes("stopped the server speaks protocol 2"));
});

test("after every close code it does what the document says", async (t) => {
  const document = await readFile(process.env["TANGGAP_ASYNCAPI"] ?? "../../openapi/asyncapi.yaml", "utf8");
  const codes = [...document.matchAll(/- client: '?(.+?)'?\n\s+code: (\d+)/g)].map(
    ([, advice, code]) => [Number(code), advice!] as const,
  );
  assert.ok(codes.length > 10);
  // The first is the client's own goodbye.
  for (const [code, advice] of codes.filter(([code]) => code !== 1000)) {
    const stage = await Stage.open(t);
    const [line] = await stage.joined();
    line.send(event(12, 10));
    line.socket.close(code);
    if (advice.startsWith("stop")) {
      await stage.until(`${code}: ${advice}`, () => stage.states.some((state) => state.startsWith("stopped")));
    } else {
      const [, auth] = await stage.joined();
      assert.equal(auth["since"], "c12", `${code}: ${advice}`);
      assert.equal(stage.waited.length, 1, `${code}: ${advice}`);
    }
  }
});
