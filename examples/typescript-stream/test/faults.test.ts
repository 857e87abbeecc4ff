// The client against the real server, through a network that breaks things: whatever happens, it shows in the end what a fresh
// one would load.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { after, before, test } from "node:test";
import { isDeepStrictEqual } from "node:util";

import { Client, PASSWORD, fresh } from "./client.js";
import { FAULTS, Proxy } from "./proxy.js";
import { Server, eventually } from "./server.js";
import { Traffic } from "./traffic.js";

/** So that heartbeats, reminders of tokens and restarts happen within a test. */
const SETTINGS = {
  TANGGAP_STREAM_HEARTBEAT: "1s",
  TANGGAP_STREAM_PONG: "1s",
  TANGGAP_STREAM_AUTH: "1s",
  TANGGAP_STREAM_RECONNECT_WITHIN: "300ms",
  TANGGAP_ACCESS_TOKEN_LIFETIME: "10s",
  TANGGAP_LOG: "warn",
};
const SEED = Number(process.env["SEED"] ?? 20261122);

let server: Server;
let proxy: Proxy;
let traffic: Traffic;
/** The admin, who sees everything, and Nina, who sees what is hers. */
let clients: Client[];

before(async () => {
  server = await Server.start(SETTINGS);
  proxy = new Proxy(server.port, SEED);
  const base = await proxy.listen();
  const admin = await Traffic.prepare(server.base, server.sandbox, SEED, []);
  const nina = { name: "Nina Kartika", email: "nina@demo.example", password: PASSWORD, role: "agent", view_all: false };
  await admin.admin.call("POST", "/v1/agents", nina);
  traffic = await Traffic.prepare(server.base, server.sandbox, SEED, ["siti", "agus", "nina"]);
  clients = [await Client.start(base, "admin@demo.example"), await Client.start(base, "nina@demo.example")];
  await everybodyIsLive();
});

after(async () => {
  for (const client of clients ?? []) client.stream.stop();
  proxy?.close();
  await server?.remove();
});

async function everybodyIsLive(): Promise<void> {
  for (const client of clients) await eventually("live", () => client.state === "live" || undefined);
}

/** Late statuses of the provider may still move things; then both are read again. */
async function everybodyShowsWhatIsThere(): Promise<void> {
  for (const client of clients) {
    const same = async () => isDeepStrictEqual(client.picture(), await fresh(client.api)) || undefined;
    await eventually("the same picture", same).catch(async () => {
      assert.deepStrictEqual(client.picture(), await fresh(client.api), `${client.state} ${client.why}`);
    });
  }
}

test("what is folded through a bad network equals what is loaded", async () => {
  proxy.likelihood = 0.03;
  await traffic.until(() => traffic.done > 400 && FAULTS.every((fault) => proxy.counts.get(fault)! >= 3));
  proxy.likelihood = 0;
  await everybodyShowsWhatIsThere();
  assert.deepEqual(
    clients.map((client) => client.resets),
    [[], []],
    "whoever resumes need not load anew",
  );
  const [all, own] = clients.map((client) => client.inbox.conversations.size);
  assert.ok(all! > own!, "Nina sees less than the admin");
});

test("the program shows the inbox as it changes", async () => {
  const program = spawn(process.execPath, ["dist/src/main.js", "siti@demo.example", PASSWORD, server.base]);
  let output = "";
  program.stdout.on("data", (text) => (output += text));
  await eventually("live", () => output.includes("-- live") || undefined);
  await traffic.customerWrites();
  await eventually("the message", () => output.includes("message.created") || undefined);
  program.kill("SIGINT");
  assert.deepEqual(await once(program, "exit"), [0, null]);
  assert.match(output, /-- stopped by the caller/);
});

test("over a restart it resumes", async () => {
  await server.stop();
  await server.again(SETTINGS);
  for (let step = 0; step < 50; step++) await traffic.step();
  await everybodyShowsWhatIsThere();
  await everybodyIsLive();
  assert.deepEqual(
    clients.map((client) => client.resets),
    [[], []],
  );
});

test("after an outage that was too long it loads anew", async () => {
  proxy.open = false;
  proxy.cut();
  for (let step = 0; step < 50; step++) await traffic.step();
  const place = await traffic.admin.call<{ cursor: string }>("GET", "/v1/events");
  await traffic.customerWrites();
  await server.stop();
  // What is older is forgotten when it starts.
  await server.again({ ...SETTINGS, TANGGAP_EVENT_RETENTION: "1ms" });
  await eventually("the log is forgotten", async () => {
    const path = `/v1/events?since=${place.body.cursor}`;
    const page = await traffic.admin.call<{ reset: string | null }>("GET", path);
    return page.body.reset === "expired" || undefined;
  });
  proxy.open = true;
  for (const client of clients) await eventually("a reset", () => client.resets.length > 0 || undefined);
  for (let step = 0; step < 50; step++) await traffic.step();
  await everybodyShowsWhatIsThere();
  assert.deepEqual(
    clients.map((client) => client.resets),
    [["expired"], ["expired"]],
  );
});

test("a changed sight loads anew, and shows what is seen now", async () => {
  const [, nina] = clients;
  const me = (await nina!.api.call<{ id: string }>("GET", "/v1/me")).body;
  const before = nina!.inbox.conversations.size;
  await traffic.admin.call("PATCH", `/v1/agents/${me.id}`, { view_all: true });
  await eventually("a reset", () => nina!.resets.includes("scope_changed") || undefined);
  await everybodyShowsWhatIsThere();
  assert.ok(nina!.inbox.conversations.size > before);
});
