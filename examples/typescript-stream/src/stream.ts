// One lasting connection to `GET /v1/stream`: joins without a gap, and comes back without one.

import { type Api, SignedOut, backoff, pause } from "./api.js";
import type { Aside, ClientFrame, Place, ServerFrame, StreamEvent } from "./protocol.js";

/** Closes after which coming back would only fail again. After all others, known or not, it is worth another attempt. */
const FINAL = new Set([4400, 4403, 4406, 4409, 4413]);
const UNAUTHENTICATED = 4401;
const BROKEN = 1006;

export interface Options {
  api: Pick<Api, "base" | "token">;
  /** Loads everything anew, and answers the `Stream-Cursor` of its first call. */
  load: () => Promise<string>;
  /** Takes one event into the picture. The next one waits until this is done. */
  apply: (event: StreamEvent) => Promise<void> | void;
  /** `live`: nothing is missing; `behind`: not connected, or loading anew; `stopped`: for good. */
  onState?: (state: "live" | "behind" | "stopped", why: string) => void;
  onAside?: (frame: Aside) => void;
  /** How to wait before connecting again. A front end may cut it short when the network is back. */
  wait?: (ms: number) => Promise<void>;
}

/** Something does not fit to what came before: the connection is given up, and the next one resumes. */
class Gap extends Error {}

export class LiveStream {
  readonly #options: Options;
  /** Everything happens here, one after the other: frames, loading, closes. */
  #queue: Promise<unknown> = Promise.resolve();
  #socket: WebSocket | undefined;
  #stopped = false;
  /** Where to resume: the newest cursor of any frame that was worked through. */
  #cursor = "";
  /** What the next `prev` has to be. Null: the server waits for `subscribe`. Undefined: it has not said `ready`. */
  #last: number | null | undefined;
  /** How far this client is, for `pong`. */
  #done = 0;
  #token: string | undefined;
  #refused: string | undefined;
  #failures = 0;
  #goawayMs: number | undefined;
  #silence: ReturnType<typeof setTimeout> | undefined;
  #silentAfterMs = 15_000;

  constructor(options: Options) {
    this.#options = options;
  }

  start(): void {
    this.#enqueue(undefined, () => this.#connect());
  }

  stop(why = "by the caller"): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#forget();
    this.#options.onState?.("stopped", why);
  }

  /** Loads something between two events: those that follow it are applied after it. */
  between<T>(load: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(load);
    this.#queue = result.catch(() => undefined);
    return result;
  }

  /** Tells the team that the member is writing. */
  typing(conversation_id: string): void {
    this.#send({ op: "typing", conversation_id });
  }

  #enqueue(socket: WebSocket | undefined, task: () => Promise<void> | void): void {
    this.#queue = this.#queue.then(async () => {
      if (this.#stopped || socket !== this.#socket) return;
      try {
        await task();
      } catch (error) {
        if (error instanceof SignedOut) this.stop(error.message);
        else this.#lost(BROKEN);
      }
    });
  }

  async #connect(): Promise<void> {
    this.#cursor ||= await this.#options.load();
    const Socket = globalThis.WebSocket ?? ((await import("ws")).WebSocket as unknown as typeof WebSocket);
    const socket = new Socket(this.#options.api.base.replace(/^http/, "ws") + "/v1/stream", "tanggap.v1");
    this.#socket = socket;
    this.#last = undefined;
    this.#heard();
    socket.onmessage = ({ data }) => {
      this.#heard();
      const frame = parse(data);
      // At once, also while something is being loaded.
      if (frame?.op === "ping") this.#send({ op: "pong", seq: this.#done });
      this.#enqueue(socket, () => (frame ? this.#take(frame) : this.#lost(BROKEN)));
    };
    // A close follows, which says as much.
    socket.onerror = () => undefined;
    socket.onclose = ({ code }) => this.#enqueue(socket, () => this.#lost(code));
  }

  /** A connection that says nothing is dead, even if nobody told us. */
  #heard(): void {
    const socket = this.#socket;
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => this.#enqueue(socket, () => this.#lost(BROKEN)), this.#silentAfterMs);
  }

  async #take(frame: ServerFrame): Promise<void> {
    switch (frame.op) {
      case "hello":
        if (frame.protocol !== 1) return this.stop(`the server speaks protocol ${frame.protocol}`);
        this.#silentAfterMs = (frame.heartbeat_seconds + frame.pong_seconds) * 1000;
        this.#heard();
        return this.#authenticate();
      case "ready":
        this.#last = frame.seq;
        if (frame.mode === "reset") return this.#reset(frame.reason);
        this.#cursor = frame.cursor;
        this.#done = frame.seq;
        return;
      case "event":
        // A frame that comes twice.
        if (typeof this.#last === "number" && frame.seq <= this.#last) return;
        if (frame.prev !== this.#last) throw new Gap();
        await this.#options.apply(frame);
        this.#last = frame.seq;
        return this.#arrive(frame);
      case "caught_up":
      case "ping":
        if (frame.prev !== this.#last) throw new Gap();
        // Without a subscription the server waits for one: what was sent got lost.
        if (frame.prev === null) return this.#send({ op: "subscribe", since: this.#cursor });
        this.#arrive(frame);
        if (frame.op === "caught_up") this.#options.onState?.("live", "");
        return;
      case "reset":
        this.#last = null;
        return this.#reset(frame.reason);
      case "auth_due":
        this.#refused = this.#token;
        return this.#authenticate();
      case "goaway":
        this.#goawayMs = frame.after_ms;
        return;
      case "signal":
      case "error":
        return this.#options.onAside?.(frame);
    }
  }

  #arrive(place: Omit<Place, "prev">): void {
    this.#cursor = place.cursor;
    this.#done = place.seq;
    this.#failures = 0;
  }

  async #authenticate(): Promise<void> {
    this.#token = await this.#options.api.token(this.#refused);
    this.#send({ op: "auth", token: this.#token, since: this.#cursor, signals: ["typing"] });
  }

  async #reset(reason: string): Promise<void> {
    this.#options.onState?.("behind", reason);
    // If this fails, the next connection shows the old cursor, and is told the same.
    this.#cursor = await this.#options.load();
    this.#send({ op: "subscribe", since: this.#cursor });
  }

  #send(frame: ClientFrame): void {
    if (this.#socket?.readyState === 1) this.#socket.send(JSON.stringify(frame));
  }

  /** The connection has ended, or is given up. */
  #lost(code: number): void {
    if (FINAL.has(code)) return this.stop(`closed with ${code}`);
    this.#forget();
    if (code === UNAUTHENTICATED) this.#refused = this.#token;
    this.#options.onState?.("behind", `closed with ${code}`);
    const ms = this.#goawayMs ?? backoff(this.#failures++);
    this.#goawayMs = undefined;
    void (this.#options.wait ?? pause)(ms).then(() => this.#enqueue(undefined, () => this.#connect()));
  }

  #forget(): void {
    clearTimeout(this.#silence);
    const socket = this.#socket;
    this.#socket = undefined;
    if (!socket) return;
    socket.onmessage = socket.onclose = null;
    socket.close();
  }
}

function parse(text: string): ServerFrame | undefined {
  try {
    return JSON.parse(text) as ServerFrame;
  } catch {
    return undefined;
  }
}
