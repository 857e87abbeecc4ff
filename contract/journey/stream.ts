// The live stream as a front end reads it: one place to wait for events, in their order.
import assert from 'node:assert/strict';
import WebSocket from 'ws';
import type { Envelope, EventType } from '../../target/contract/clients/hey-api/index.js';

const WAIT_MS = 15_000;

type Place = { cursor: string; seq: number };
export type Frame =
  | { op: 'hello'; protocol: number }
  | { op: 'ready'; agent_id: string; cursor: string; mode: 'live' | 'replay' | 'reset' }
  | ({ op: 'caught_up' | 'ping' } & Place)
  | ({ op: 'event' } & Envelope)
  | { op: 'reset' | 'signal' | 'auth_due' | 'goaway' | 'error' };

export class Stream {
  private readonly frames: Frame[] = [];
  private wake = () => {};
  /** The number of the event before, for `prev`. */
  private last: number | null = null;
  private broken: Error | null = null;

  private constructor(private readonly socket: WebSocket) {
    socket.on('message', (data) => this.take(JSON.parse(String(data)) as Frame));
    socket.on('error', (error) => this.fail(error));
    socket.on('close', (code, reason) => this.fail(new Error(`the stream was closed: ${code} ${String(reason)}`)));
  }

  /** Opens the stream and authenticates with the first frame, as browsers have to. */
  static open(address: string, token: string, since: string): Stream {
    const stream = new Stream(new WebSocket(address, 'tanggap.v1'));
    stream.socket.on('open', () => stream.send({ op: 'auth', token, since }));
    return stream;
  }

  /** The next frame of this kind; those before it are passed over. */
  async frame<Op extends Frame['op']>(op: Op): Promise<Extract<Frame, { op: Op }>> {
    const isIt = (frame: Frame): frame is Extract<Frame, { op: Op }> => frame.op === op;
    return this.next(op, isIt);
  }

  /** The next event of this type about this conversation; those before it are passed over. */
  async event(type: EventType, conversation: string | null): Promise<Envelope> {
    const isIt = (frame: Frame): frame is Extract<Frame, { op: 'event' }> =>
      frame.op === 'event' && frame.type === type && (conversation ?? frame.conversation_id) === frame.conversation_id;
    return this.next(type, isIt);
  }

  async close(): Promise<void> {
    this.socket.removeAllListeners('close');
    const closed = new Promise((resolve) => this.socket.on('close', resolve));
    this.socket.close(1000);
    await closed;
  }

  private async next<F extends Frame>(what: string, isIt: (frame: Frame) => frame is F): Promise<F> {
    const due = Date.now() + WAIT_MS;
    const passed: string[] = [];
    for (;;) {
      const frame = this.frames.shift();
      if (frame && isIt(frame)) return frame;
      if (frame) {
        passed.push(frame.op === 'event' ? frame.type : frame.op);
      } else {
        if (this.broken) throw this.broken;
        const left = due - Date.now();
        assert(left > 0, `${what} did not come; came: ${passed.join(', ')}`);
        await this.something(left);
      }
    }
  }

  private async something(atMostMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const late = setTimeout(resolve, atMostMs);
      this.wake = () => {
        clearTimeout(late);
        resolve();
      };
    });
  }

  private take(frame: Frame): void {
    if (frame.op === 'ping') {
      this.send({ op: 'pong', seq: frame.seq });
      return;
    }
    if (frame.op === 'event') {
      if (this.last !== null && frame.prev !== this.last) {
        this.fail(new Error(`event ${frame.seq} follows ${frame.prev}, but ${this.last} was the last one`));
      }
      this.last = frame.seq;
    }
    this.frames.push(frame);
    this.wake();
  }

  private fail(error: Error): void {
    this.broken ??= error;
    this.wake();
  }

  private send(frame: object): void {
    this.socket.send(JSON.stringify(frame));
  }
}
