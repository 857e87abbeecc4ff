// A network that breaks things: stands between client and server, knows the frames of WebSocket, and drops, delays, repeats,
// swaps and mangles them, and cuts connections, by a seed.

import { once } from "node:events";
import { type AddressInfo, type Socket, connect, createServer } from "node:net";

export const FAULTS = ["drop", "repeat", "swap", "truncate", "delay", "cut", "too_large", "drop_to_server"] as const;
export type Fault = (typeof FAULTS)[number];

/** Numbers by chance, the same for the same seed. */
export function chance(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

export class Proxy {
  /** How often each fault happened. */
  readonly counts = new Map<Fault, number>(FAULTS.map((fault) => [fault, 0]));
  /** How likely any fault is, for each frame. */
  likelihood = 0;
  /** Whether anybody gets through at all. */
  open = true;
  readonly #server = createServer((socket) => this.#accept(socket));
  readonly #sockets = new Set<Socket>();
  readonly #random: () => number;

  constructor(
    readonly target: number,
    seed: number,
  ) {
    this.#random = chance(seed);
  }

  async listen(): Promise<string> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Cuts every connection. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  close(): void {
    this.#server.close();
    this.cut();
  }

  #accept(client: Socket): void {
    if (!this.open) {
      client.destroy();
      return;
    }
    const server = connect(this.target, "127.0.0.1");
    const pair = [client, server];
    const end = () => {
      for (const socket of pair) {
        socket.destroy();
        this.#sockets.delete(socket);
      }
    };
    for (const socket of pair) {
      this.#sockets.add(socket);
      socket.setNoDelay();
      socket.on("error", end);
      socket.on("close", end);
    }
    this.#carry(client, server, end, false);
    this.#carry(server, client, end, true);
  }

  /** Passes on what comes, in order, one piece after the other. */
  #carry(from: Socket, to: Socket, cut: () => void, toClient: boolean): void {
    let rest: Buffer = Buffer.alloc(0);
    let frames = false;
    let first = true;
    let held: Buffer | undefined;
    let queue = Promise.resolve();
    const send = (bytes: Buffer) => {
      if (!to.destroyed) to.write(bytes);
    };
    const pass = async (frame: Buffer) => {
      const fault = this.#choose(frame, toClient);
      if (fault) this.counts.set(fault, (this.counts.get(fault) ?? 0) + 1);
      const before = held;
      held = undefined;
      switch (fault) {
        case "drop":
        case "drop_to_server":
          break;
        case "repeat":
          send(Buffer.concat([frame, frame]));
          break;
        case "swap":
          held = frame;
          break;
        case "truncate":
          send(text(payload(frame).subarray(0, -7)));
          break;
        case "delay":
          await new Promise((resolve) => setTimeout(resolve, 100 + this.#random() * 400));
          send(frame);
          break;
        case "cut":
          send(frame.subarray(0, frame.length / 2));
          cut();
          break;
        case "too_large":
          send(refer(frame));
          break;
        case undefined:
          send(frame);
      }
      if (before) send(before);
    };
    from.on("data", (chunk: Buffer) => {
      if (first) {
        first = false;
        // The stream's connection is told from others by its first line, or by the answer to it.
        frames = /^GET \/v1\/stream|^HTTP\/1.1 101/.test(chunk.toString("latin1", 0, 32));
        const head = frames ? chunk.indexOf("\r\n\r\n") + 4 : chunk.length;
        send(chunk.subarray(0, head));
        rest = chunk.subarray(head);
      } else if (frames) {
        rest = Buffer.concat([rest, chunk]);
      } else if (this.#random() < this.likelihood / 4) {
        // An answer of REST breaks off.
        send(chunk.subarray(0, chunk.length / 2));
        cut();
      } else {
        send(chunk);
      }
      for (let length = lengthOf(rest); frames && length <= rest.length; length = lengthOf(rest)) {
        const frame = rest.subarray(0, length);
        rest = rest.subarray(length);
        queue = queue.then(() => pass(frame));
      }
    });
  }

  #choose(frame: Buffer, toClient: boolean): Fault | undefined {
    // The client says little, so that more of it is hit. Only texts: the end of a connection stays the end.
    const likelihood = this.likelihood * (toClient ? 1 : 4);
    if (frame[0] !== 0x81 || this.#random() >= likelihood) return undefined;
    if (!toClient) return this.#random() < 0.5 ? "drop_to_server" : "delay";
    const possible = FAULTS.filter((fault) => fault !== "drop_to_server" && (fault !== "too_large" || refers(frame)));
    return possible[Math.floor(this.#random() * possible.length)];
  }
}

/** How many bytes the frame at the beginning has; infinite while that cannot be told. */
function lengthOf(bytes: Buffer): number {
  if (bytes.length < 2) return Infinity;
  const short = bytes[1]! & 0x7f;
  const mask = bytes[1]! & 0x80 ? 4 : 0;
  if (short < 126) return 2 + mask + short;
  if (bytes.length < 10) return Infinity;
  return short === 126 ? 4 + mask + bytes.readUInt16BE(2) : 10 + mask + Number(bytes.readBigUInt64BE(2));
}

/** What a frame of the server says. */
function payload(frame: Buffer): Buffer {
  const short = frame[1]!;
  return frame.subarray(short < 126 ? 2 : short === 126 ? 4 : 10);
}

/** A frame of the server. */
function text(content: Buffer): Buffer {
  const head = Buffer.alloc(content.length < 126 ? 2 : 4);
  head[0] = 0x81;
  head[1] = content.length < 126 ? content.length : 126;
  if (content.length >= 126) head.writeUInt16BE(content.length, 2);
  return Buffer.concat([head, content]);
}

const PATHS: Record<string, (event: { conversation_id: string; data: { id: string } }) => string> = {
  conversation: (event) => `/v1/conversations/${event.data.id}`,
  message: (event) => `/v1/conversations/${event.conversation_id}/messages/${event.data.id}`,
};

/** Whether it is an event that could be too large for its data. */
function refers(frame: Buffer): boolean {
  const event = JSON.parse(payload(frame).toString());
  return event.op === "event" && /^(conversation|message)\.(?!hidden)/.test(event.type);
}

/** The event as it is when the resource is too large for it. */
function refer(frame: Buffer): Buffer {
  const event = JSON.parse(payload(frame).toString());
  const ref = PATHS[event.type.split(".")[0]]!(event);
  return text(Buffer.from(JSON.stringify({ ...event, data: { ref } })));
}
