// The frames of `GET /v1/stream`, as /asyncapi.yaml describes them.

/** A resource of the API: it has an id, and a version that rises with every change. */
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
  id: string;
  type: string;
  at: string;
  conversation_id: string | null;
  version: number;
  /** The whole resource; only its id in `*.hidden`; where to read it if it is too large for an event. */
  data: Thing | { ref: string };
  previous: Record<string, unknown> | null;
}

/** Everything up to here that the caller may see has been sent. */
export interface Place {
  cursor: string;
  seq: number;
  /** As in an event; null after a reset, when there is no subscription. */
  prev: number | null;
}

export type ResetReason = "expired" | "epoch" | "too_far" | "scope_changed";

/** Something of the moment, never stored. */
export type Signal =
  | { op: "signal"; type: "typing"; conversation_id: string; agent_id: string }
  | { op: "signal"; type: "presence"; agent_id: string; availability: string; online: boolean };

export type ServerFrame =
  | { op: "hello"; protocol: number; heartbeat_seconds: number; pong_seconds: number }
  | { op: "ready"; cursor: string; seq: number; mode: "live" | "replay"; reason: null }
  | { op: "ready"; cursor: string; seq: null; mode: "reset"; reason: ResetReason }
  | StreamEvent
  | ({ op: "caught_up" } & Place)
  | ({ op: "ping" } & Place)
  | { op: "reset"; reason: ResetReason }
  | { op: "auth_due"; in_seconds: number }
  | { op: "goaway"; reason: string; after_ms: number }
  | { op: "error"; code: string }
  | Signal;

export type ClientFrame =
  | { op: "auth"; token: string; since?: string | null; signals?: Signal["type"][] }
  | { op: "pong"; seq: number }
  | { op: "subscribe"; since: string | null }
  | { op: "typing"; conversation_id: string };
