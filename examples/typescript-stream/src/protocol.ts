// The frames of `GET /v1/stream`; /asyncapi.yaml describes every field.

/** A resource of the API. Its version rises with every change. */
export interface Thing {
  id: string;
  version: number;
  [field: string]: unknown;
}

/** Something that happened. */
export interface StreamEvent {
  op: "event";
  cursor: string;
  seq: number;
  /** The `seq` of the event sent before on this subscription. */
  prev: number;
  type: string;
  conversation_id: string | null;
  /** The whole resource; only its id in `*.hidden`; where to read it if it is too large for an event. */
  data: Thing | { ref: string };
}

/** Everything up to here that the caller may see has been sent. `prev` is null after a reset. */
export type Place = { cursor: string; seq: number; prev: number | null };

/** What changes nothing in the picture: somebody writes, or a frame of ours had no effect. */
export type Aside =
  { op: "signal"; type: "typing"; conversation_id: string; agent_id: string } | { op: "error"; code: string };

export type ServerFrame =
  | { op: "hello"; protocol: number; heartbeat_seconds: number; pong_seconds: number }
  | { op: "ready"; cursor: string; seq: number; mode: "live" | "replay"; reason: null }
  | { op: "ready"; cursor: string; seq: null; mode: "reset"; reason: string }
  | StreamEvent
  | ({ op: "caught_up" | "ping" } & Place)
  | { op: "reset"; reason: string }
  | { op: "auth_due"; in_seconds: number }
  | { op: "goaway"; reason: string; after_ms: number }
  | Aside;

export type ClientFrame =
  | { op: "auth"; token: string; since: string; signals: "typing"[] }
  | { op: "pong"; seq: number }
  | { op: "subscribe"; since: string }
  | { op: "typing"; conversation_id: string };
