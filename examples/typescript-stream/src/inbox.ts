// The picture that a front end shows: loaded by REST, kept by events.

import { type Api, Refused } from "./api.js";
import type { StreamEvent, Thing } from "./protocol.js";

export type Named = { id: string; name: string };
export type Label = Thing & Named & { color: string };
export type Message = Thing & { conversation_id: string; direction: string; text: string | null; status: string };
export type Conversation = Thing & {
  contact: Named;
  status: string;
  assignee: Named | null;
  labels: (Named & { color: string })[];
  unread_count: number;
};

export class Inbox {
  conversations = new Map<string, Conversation>();
  labels = new Map<string, Label>();
  /** The messages of the conversations that somebody looks at. */
  readonly threads = new Map<string, Map<string, Message>>();
  readonly #api: Api;

  constructor(api: Api) {
    this.#api = api;
  }

  /** Loads everything anew. Answers from where to follow the stream. */
  async load(): Promise<string> {
    const mine = await this.#api.all<Conversation>("/v1/conversations?limit=100");
    const conversations = byId(mine.body);
    for (const tab of ["all", "archived"]) {
      const list = await ifAllowed(this.#api.all<Conversation>(`/v1/conversations?tab=${tab}&limit=100`));
      for (const one of list?.body ?? []) hold(conversations, one);
    }
    this.labels = byId((await this.#api.all<Label>("/v1/labels?limit=100")).body);
    this.conversations = conversations;
    for (const id of this.threads.keys()) await this.openThread(id);
    return mine.cursor;
  }

  /** Shows the messages of a conversation from now on. To be called between two events: see `LiveStream.between`. */
  async openThread(conversation: string): Promise<void> {
    const path = `/v1/conversations/${conversation}/messages?limit=100`;
    const list = this.conversations.has(conversation) && (await ifAllowed(this.#api.all<Message>(path, "before")));
    if (list) this.threads.set(conversation, byId(list.body));
    else this.threads.delete(conversation);
  }

  /** Takes in what happened. */
  async apply(event: StreamEvent): Promise<void> {
    let data = event.data as Thing;
    if (typeof data["ref"] === "string") {
      const read = await ifAllowed(this.#api.call<Thing>("GET", data["ref"]));
      // Gone from sight by now, as another event will tell.
      if (!read) return;
      data = read.body;
    }
    const [kind, what] = event.type.split(".");
    if (event.type === "conversation.hidden") {
      this.conversations.delete(data.id);
      this.threads.delete(data.id);
    } else if (kind === "conversation") {
      hold(this.conversations, data as Conversation);
    } else if (kind === "message") {
      const message = data as Message;
      hold(this.threads.get(message.conversation_id), message);
    } else if (event.type === "label.deleted") {
      this.labels.delete(data.id);
      for (const one of this.conversations.values()) one.labels = one.labels.filter((label) => label.id !== data.id);
    } else if (kind === "label") {
      hold(this.labels, data as Label);
      this.#rename(data);
    } else if (event.type === "contact.merged" || event.type === "contact.unmerged") {
      // Who wrote the messages of these conversations has changed.
      for (const id of data["conversation_ids"] as string[]) if (this.threads.has(id)) await this.openThread(id);
    } else if (kind === "contact" && what !== "hidden") {
      this.#rename({ ...data, blocked: data["blocked_at"] !== null });
    } else if (kind === "agent" || kind === "channel" || kind === "division") {
      this.#rename(data);
    }
  }

  /** Names follow what they name; the versions of what shows them do not rise. */
  #rename(thing: Thing): void {
    for (const one of this.conversations.values()) {
      rename(one, thing);
      one.labels.sort((a, b) => a.name.localeCompare(b.name));
    }
    for (const thread of this.threads.values()) for (const message of thread.values()) rename(message, thing);
  }
}

function rename(within: object, thing: Thing): void {
  for (const [field, value] of Object.entries(within) as [string, unknown][]) {
    // What a system message tells of the past, its content, keeps the names of then.
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

/** Holds a thing, unless one as new is held already. */
function hold<T extends Thing>(things: Map<string, T> | undefined, thing: T): void {
  if ((things?.get(thing.id)?.version ?? 0) < thing.version) things?.set(thing.id, thing);
}

function byId<T extends Thing>(things: T[]): Map<string, T> {
  return new Map(things.map((thing) => [thing.id, thing]));
}

/** Nothing, where the caller may not look. */
async function ifAllowed<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof Refused && (error.status === 403 || error.status === 404)) return undefined;
    throw error;
  }
}
