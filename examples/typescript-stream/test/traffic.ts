// A busy shop: customers write, agents claim, answer, label and resolve, the admin hands on and renames.

import { Api, Refused, pause } from "../src/api.js";
import { chance } from "./proxy.js";
import { PASSWORD } from "./client.js";

/** The more often it is here, the more often it is done. */
const ACTS = [
  ...["write", "write", "write", "claim", "reply", "reply", "resolve", "assign", "assign", "unassign", "archive"],
  ...["label", "label", "labels", "rename", "rename", "merge", "block"],
];

interface Item {
  id: string;
  name: string;
}

export class Traffic {
  /** How many calls have changed something. */
  done = 0;
  readonly #random: () => number;
  readonly #people = new Map<string, Api>();
  readonly #ids = new Map<string, string>();

  private constructor(
    readonly base: string,
    readonly sandbox: string,
    seed: number,
  ) {
    this.#random = chance(seed);
  }

  /** The admin, and agents by the first part of their address. */
  static async prepare(base: string, sandbox: string, seed: number, agents: string[]): Promise<Traffic> {
    const traffic = new Traffic(base, sandbox, seed);
    for (const name of ["admin", ...agents]) {
      const api = new Api(base);
      await api.signIn(`${name}@demo.example`, PASSWORD);
      traffic.#people.set(name, api);
      traffic.#ids.set(name, (await api.call<Item>("GET", "/v1/me")).body.id);
    }
    return traffic;
  }

  get admin(): Api {
    return this.#people.get("admin")!;
  }

  /** Three at a time, until it is enough. */
  async until(enough: () => boolean): Promise<void> {
    const worker = async () => {
      while (!enough()) await this.step();
    };
    await Promise.all([worker(), worker(), worker()]);
  }

  /** Somebody does something. That it is not possible just now is fine; anything else is not. */
  async step(): Promise<void> {
    try {
      await this.#act();
      this.done++;
    } catch (error) {
      if (!(error instanceof Refused) || ![403, 404, 409, 422].includes(error.status)) throw error;
    }
    // So that the traffic lasts as long as the faults.
    await pause(30);
  }

  #one<T>(list: T[]): T {
    return list[Math.floor(this.#random() * list.length)]!;
  }

  async customerWrites(): Promise<void> {
    const customer = `62812000000${Math.floor(this.#random() * 8)}`;
    const response = await fetch(`${this.sandbox}/sandbox/customers/${customer}/messages`, {
      method: "POST",
      body: JSON.stringify({ channel: "whatsapp", name: `Pelanggan ${customer.at(-1)}`, text: `Halo ${this.done}` }),
    });
    if (!response.ok) throw new Error(await response.text());
  }

  async #act(): Promise<void> {
    const list = async (path: string) => (await this.admin.call<{ items: Item[] }>("GET", path)).body.items;
    const conversations = await list("/v1/conversations?tab=all&limit=100");
    const agent = this.#one([...this.#people.keys()].slice(1));
    const [api, agent_id] = [this.#people.get(agent)!, this.#ids.get(agent)!];
    const path = `/v1/conversations/${this.#one(conversations).id}`;
    const name = `Nama ${Math.floor(this.#random() * 1e9)}`;
    const rename = async (what: string) => {
      const one = this.#one(await list(what));
      await this.admin.call("PATCH", `${what}/${one.id}`, { name });
    };
    switch (this.#one(ACTS)) {
      case "write":
        return this.customerWrites();
      case "claim":
        await api.call("POST", `${path}/claim`);
        return;
      case "reply":
        await api.call("POST", `${path}/messages`, {
          kind: "text",
          text: name,
          client_message_id: crypto.randomUUID(),
        });
        return;
      case "resolve":
        await api.call("POST", `${path}/resolve`);
        return;
      case "assign":
        await this.admin.call("POST", `${path}/assign`, { agent_id });
        return;
      case "unassign":
        await this.admin.call("POST", `${path}/unassign`);
        return;
      case "archive":
        await this.admin.call("POST", `${path}/${this.#one(["archive", "unarchive", "unarchive"])}`);
        return;
      case "label": {
        const label = this.#one(await list("/v1/labels"));
        if (label) await this.admin.call(this.#one(["PUT", "PUT", "DELETE"]), `${path}/labels/${label.id}`);
        return;
      }
      case "labels": {
        const labels = await list("/v1/labels");
        if (labels.length < 4) await this.admin.call("POST", "/v1/labels", { name, color: "#E11D48" });
        else if (this.#random() < 0.5) await this.admin.call("DELETE", `/v1/labels/${this.#one(labels).id}`);
        else await rename("/v1/labels");
        return;
      }
      case "merge": {
        const [into, from] = [this.#one(await list("/v1/contacts")), this.#one(await list("/v1/contacts"))];
        const merges = await list(`/v1/contacts/${into.id}/merges`);
        const undo = merges.length > 0 && { merge_id: this.#one(merges).id };
        await this.admin.call(
          "POST",
          `/v1/contacts/${into.id}/${undo ? "unmerge" : "merge"}`,
          undo || { contact_id: from.id },
        );
        return;
      }
      case "block":
        await this.admin.call(
          "POST",
          `/v1/contacts/${this.#one(await list("/v1/contacts")).id}/${this.#one(["block", "unblock", "unblock"])}`,
        );
        return;
      default:
        await rename(this.#one(["/v1/contacts", "/v1/channels", "/v1/divisions", "/v1/agents"]));
    }
  }
}
