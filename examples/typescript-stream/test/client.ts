// What a front end builds from the three parts, showing every conversation with its messages.

import { Api } from "../src/api.js";
import { Inbox } from "../src/inbox.js";
import { LiveStream } from "../src/stream.js";

export const PASSWORD = "tanggap-demo";

export class Client {
  readonly inbox: Inbox;
  readonly stream: LiveStream;
  /** Why it had to load anew. */
  readonly resets: string[] = [];
  state = "behind";
  why = "";

  private constructor(readonly api: Api) {
    this.inbox = new Inbox(api);
    this.stream = new LiveStream({
      api,
      load: async () => {
        const cursor = await this.inbox.load();
        await this.#openAll();
        return cursor;
      },
      apply: async (event) => {
        await this.inbox.apply(event);
        await this.#openAll();
      },
      onState: (state, why) => {
        this.state = state;
        this.why = why;
        if (state === "behind" && !why.startsWith("closed")) this.resets.push(why);
      },
    });
  }

  static async start(base: string, email: string, password = PASSWORD): Promise<Client> {
    const api = new Api(base);
    await api.signIn(email, password);
    const client = new Client(api);
    client.stream.start();
    return client;
  }

  async #openAll(): Promise<void> {
    for (const id of this.inbox.conversations.keys()) {
      if (!this.inbox.threads.has(id)) await this.inbox.openThread(id);
    }
  }

  /** What it shows. */
  picture(): unknown {
    const { conversations, labels, threads } = this.inbox;
    return {
      conversations: Object.fromEntries(conversations),
      labels: Object.fromEntries(labels),
      threads: Object.fromEntries([...threads].map(([id, thread]) => [id, Object.fromEntries(thread)])),
    };
  }
}

/** What a front end would show that is opened now. */
export async function fresh(api: Api): Promise<unknown> {
  type Things = Record<string, Record<string, unknown>>;
  const list = async (path: string, next = "cursor") => {
    const answer = await api.all<{ id: string }>(path, next);
    return Object.fromEntries(answer.body.map((one) => [one.id, one])) as Things;
  };
  const me = (await api.call<{ role: string; view_all: boolean }>("GET", "/v1/me")).body;
  const tabs = me.role === "admin" || me.view_all ? ["mine", "all", "archived"] : ["mine", "archived"];
  const conversations: Things = {};
  for (const tab of tabs) Object.assign(conversations, await list(`/v1/conversations?tab=${tab}&limit=100`));
  const threads: Record<string, Things> = {};
  for (const id of Object.keys(conversations)) {
    threads[id] = await list(`/v1/conversations/${id}/messages?limit=100`, "before");
  }
  return { conversations, labels: await list("/v1/labels?limit=100"), threads };
}
