// What a call does when the server has no time for it.

import assert from "node:assert/strict";
import { once } from "node:events";
import { type Server, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";

import { Api, Refused } from "../src/api.js";

let server: Server;
let calls: number;
/** What is answered; after more calls than anybody should make it is 200. */
let refusal: number;

before(async () => {
  server = createServer((request, response) => {
    calls++;
    const status = calls > 20 ? 200 : refusal;
    // Not a time that a server may name: nobody is to wait here.
    response.writeHead(status, { "content-type": "application/json", "retry-after": "0.001" });
    response.end(JSON.stringify({ code: `refused_${status}` }));
    request.resume();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
});

after(() => server.close());

async function refused(status: number): Promise<number> {
  [calls, refusal] = [0, status];
  const api = new Api(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const expected = (error: unknown) => error instanceof Refused && error.code === `refused_${status}`;
  await assert.rejects(api.signIn("siti@demo.example", "wrong"), expected);
  return calls;
}

test("who is asked to come back does so a few times, and then says what was answered", async () => {
  assert.equal(await refused(429), 6);
  assert.equal(await refused(503), 6);
});

test("any other answer is final", async () => {
  assert.equal(await refused(403), 1);
});
