// The picture that a front end shows: loaded by REST, kept by events.

import { type Api, Refused } from "./api.js";
import type { StreamEvent, Thing } from "./protocol.js";

export interface Named {
  id: string;
  name: string;
}

export interface Conversation extends Thing {
  contact: Named;
  status: string;
  assignee: Named | null;
  labels: (Named & { color: string })[];
  unread_count: number;
}

export interface Message extends Thing {
  conversation_id: string;
  direction: "inbound" | "outbound" | "system";
  text: string | null;
  status: string;
}

export interface Label extends Thing {
  name: string;
  color: string;
}

export class Inbox {
  conversations = new Map<string, Conversation>();
  labels = new Map<string, Label>();
  /** The messages of the conversations that somebody looks at. */
  threads = new Map<string, Map<string, Message>>();
  readonly #api: Api;

  constructor(api: Api) {
    this.#api = api;
  }

  /** Loads everything anew. Answers from where to follow the stream. */
  async load(): Promise<string> {
    const mine = await this.#api.all<Conversation>("/v1/conversations?limit=100");
    const conversations = byId(mine.body);
    for (const tab of ["all", "archived"]) {
      const list = await seen(this.#api.all<Conversation>(`/v1/conversations?tab=${tab}&limit=100`));
      for (const one of list?.body ?? []) hold(conversations, one);
    }
    this.labels = byId((await this.#api.all<Label>("/v1/labels?limit=100")).body);
    this.conversations = conversations;
    for (const id of this.threads.keys()) await this.openThread(id);
    return mine.cursor;
  }

  /** Shows the messages of a conversation from now on. To be called between two events. */
  async openThread(conversation: string): Promise<void> {
    const path = `/v1/conversations/${conversation}/messages?limit=100`;
    const list = this.conversations.has(conversation) && (await seen(this.#api.all<Message>(path, "before")));
    if (list) this.threads.set(conversation, byId(list.body));
    else this.threads.delete(conversation);
  }

  /** Takes in what happened. */
  async apply(event: StreamEvent): Promise<void> {
    const [kind, what] = event.type.split(".");
    let data = event.data;
    if ("ref" in data) {
      const read = await seen(this.#api.call<Thing>("GET", data.ref as string));
      // Gone from sight by now, as another event will tell.
      if (!read) return;
      data = read.body;
    }
    switch (kind) {
      case "conversation":
        if (what === "hidden") {
          this.conversations.delete(data.id);
          this.threads.delete(data.id);
        } else {
          hold(this.conversations, data as Conversation);
        }
        break;
      case "message": {
        const thread = this.threads.get((data as Message).conversation_id);
        if (thread) hold(thread, data as Message);
        break;
      }
      case "label":
        if (what === "deleted") {
          this.labels.delete(data.id);
          const others = (label: Named) => label.id !== data.id;
          for (const one of this.conversations.values()) one.labels = one.labels.filter(others);
        } else {
          hold(this.labels, data as Label);
          this.#rename(data as Label);
        }
        break;
      case "contact":
        if (what === "merged" || what === "unmerged") {
          // Who wrote the messages of these conversations has changed.
          for (const id of data.conversation_ids as string[]) if (this.threads.has(id)) await this.openThread(id);
        } else if (what !== "hidden") {
          this.#rename({ ...data, blocked: data.blocked_at !== null });
        }
        break;
      case "agent":
      case "channel":
      case "division":
        this.#rename(data);
        break;
    }
  }

  /** What names a thing shows some of its fields, and follows it without a version of its own. */
  #rename(thing: Thing): void {
    for (const one of this.conversations.values()) {
      rename(one, thing);
      // They come by name.
      one.labels.sort((a, b) => compare(a.name, b.name));
    }
    for (const thread of this.threads.values()) for (const message of thread.values()) rename(message, thing);
  }
}

function rename(within: object, thing: Thing): void {
  for (const [field, value] of Object.entries(within) as [string, unknown][]) {
    // What a system message tells of the past keeps the names of then.
    if (typeof value !== "object" || value === null || field === "content") continue;
    if ("id" in value && value.id === thing.id) {
      for (const known of Object.keys(value)) {
        if (known in thing && known !== "type") Object.assign(value, { [known]: thing[known] });
      }
    } else {
      rename(value, thing);
    }
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Holds a thing, unless one as new is held already. */
function hold<T extends Thing>(things: Map<string, T>, thing: T): void {
  const held = things.get(thing.id);
  if (!held || held.version < thing.version) things.set(thing.id, thing);
}

function byId<T extends Thing>(things: T[]): Map<string, T> {
  return new Map(things.map((thing) => [thing.id, thing]));
}

/** Nothing, where the caller may not look. */
async function seen<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof Refused && (error.status === 403 || error.status === 404)) return undefined;
    throw error;
  }
}
