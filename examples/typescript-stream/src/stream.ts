// One lasting connection to `GET /v1/stream`: joins without a gap, and comes back without one.

import { type Api, SignedOut, backoff, pause } from "./api.js";
import type { ClientFrame, Place, ResetReason, ServerFrame, Signal, StreamEvent } from "./protocol.js";

/** Closes after which coming back would only fail again. All others, known or not, are followed by another attempt. */
const FINAL: Record<number, string> = {
  4400: "the server does not understand this client",
  4403: "the sign-in has ended",
  4406: "the server does not speak this protocol",
  4409: "this member has too many connections",
  4413: "this client sends too large frames",
};
const UNAUTHENTICATED = 4401;
const BROKEN = 1006;

export interface Options {
  api: Pick<Api, "base" | "token">;
  /** Loads everything anew, and answers the `Stream-Cursor` of its first call. */
  load: () => Promise<string>;
  /** Takes one event into the picture. The next one waits until this is done. */
  apply: (event: StreamEvent) => Promise<void> | void;
  /** `live`: nothing is missing; `behind`: not connected, or catching up; `stopped`: for good, and why. */
  onState?: (state: "live" | "behind" | "stopped", why: string) => void;
  onReset?: (reason: ResetReason) => void;
  onSignal?: (signal: Signal) => void;
  onError?: (code: string) => void;
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
  #cursor: string | undefined;
  /** The `seq` that the next `prev` has to be. Null: the server waits for `subscribe`. Undefined: it did not say `ready`. */
  #last: number | null | undefined;
  /** How far the client is, for `pong`. */
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

  stop(): void {
    this.#end("by the caller");
  }

  /** Runs this between two events: what it loads is folded in at the right moment. */
  between<T>(task: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(task);
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
        if (error instanceof SignedOut) this.#end(error.message);
        else this.#lost(BROKEN);
      }
    });
  }

  async #connect(): Promise<void> {
    this.#cursor ??= await this.#options.load();
    const Socket = globalThis.WebSocket ?? ((await import("ws")).WebSocket as unknown as typeof WebSocket);
    const socket = new Socket(this.#options.api.base.replace(/^http/, "ws") + "/v1/stream", "tanggap.v1");
    this.#socket = socket;
    this.#last = undefined;
    this.#heard(socket);
    socket.onmessage = (message) => {
      this.#heard(socket);
      const frame = parse(message.data);
      // At once, also while something is being loaded.
      if (frame?.op === "ping") this.#send({ op: "pong", seq: this.#done });
      this.#enqueue(socket, () => (frame ? this.#take(frame) : this.#lost(BROKEN)));
    };
    // A close follows, which says as much.
    socket.onerror = () => undefined;
    socket.onclose = (close) => this.#enqueue(socket, () => this.#lost(close.code));
  }

  /** A connection that says nothing is dead, even if nobody told us. */
  #heard(socket: WebSocket | undefined): void {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => this.#enqueue(socket, () => this.#lost(BROKEN)), this.#silentAfterMs);
  }

  async #take(frame: ServerFrame): Promise<void> {
    switch (frame.op) {
      case "hello":
        if (frame.protocol !== 1) return this.#end(`the server speaks protocol ${frame.protocol}`);
        this.#silentAfterMs = (frame.heartbeat_seconds + frame.pong_seconds) * 1000;
        this.#heard(this.#socket);
        return this.#authenticate();
      case "ready":
        this.#last = frame.seq;
        if (frame.mode === "reset") return this.#reset(frame.reason);
        this.#cursor = frame.cursor;
        this.#done = frame.seq;
        if (frame.mode === "live") this.#isLive();
        return;
      case "event":
        if (typeof this.#last === "number" && frame.seq <= this.#last) return;
        if (frame.prev !== this.#last) throw new Gap();
        await this.#options.apply(frame);
        this.#last = this.#done = frame.seq;
        this.#cursor = frame.cursor;
        this.#failures = 0;
        return;
      case "caught_up":
        this.#arrive(frame);
        return this.#isLive();
      case "ping":
        this.#arrive(frame);
        // The server still waits, so what was sent to it got lost.
        if (frame.prev === null) this.#subscribe();
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
      case "error":
        return this.#options.onError?.(frame.code);
      case "signal":
        return this.#options.onSignal?.(frame);
    }
  }

  #arrive(place: Place): void {
    if (place.prev !== this.#last) throw new Gap();
    if (place.prev === null) return;
    this.#cursor = place.cursor;
    this.#done = place.seq;
  }

  #isLive(): void {
    this.#failures = 0;
    this.#options.onState?.("live", "");
  }

  async #authenticate(): Promise<void> {
    this.#token = await this.#options.api.token(this.#refused);
    this.#send({ op: "auth", token: this.#token, since: this.#cursor ?? null, signals: ["typing"] });
  }

  async #reset(reason: ResetReason): Promise<void> {
    this.#options.onState?.("behind", reason);
    this.#options.onReset?.(reason);
    // If this fails, the old cursor is shown again and answered with `reset` again.
    this.#cursor = await this.#options.load();
    this.#subscribe();
  }

  #subscribe(): void {
    this.#send({ op: "subscribe", since: this.#cursor ?? null });
  }

  #send(frame: ClientFrame): void {
    if (this.#socket?.readyState === 1) this.#socket.send(JSON.stringify(frame));
  }

  /** The connection has ended, or is given up. */
  #lost(code: number): void {
    this.#forget();
    const final = FINAL[code];
    if (final !== undefined) return this.#end(final);
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

  #end(why: string): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#forget();
    this.#options.onState?.("stopped", why);
  }
}

function parse(text: string): ServerFrame | undefined {
  try {
    return JSON.parse(text) as ServerFrame;
  } catch {
    return undefined;
  }
}
