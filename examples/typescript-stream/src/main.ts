// Signs in and shows the inbox as it changes: npm start -- siti@demo.example tanggap-demo [http://127.0.0.1:8080]

import { Api } from "./api.js";
import { Inbox } from "./inbox.js";
import { LiveStream } from "./stream.js";

const [email = "siti@demo.example", password = "tanggap-demo", base = "http://127.0.0.1:8080"] = process.argv.slice(2);

const api = new Api(base);
await api.signIn(email, password);
const inbox = new Inbox(api);

const stream = new LiveStream({
  api,
  load: () => inbox.load(),
  apply: async (event) => {
    await inbox.apply(event);
    console.log(event.type, show(event.conversation_id));
  },
  onState: (state, why) => {
    console.log(`-- ${state} ${why}`);
    if (state === "live") for (const id of inbox.conversations.keys()) console.log(show(id));
  },
});
stream.start();
process.once("SIGINT", () => stream.stop());

function show(id: string | null): string {
  const one = id === null ? undefined : inbox.conversations.get(id);
  if (!one) return "";
  const labels = one.labels.map((label) => `#${label.name}`).join(" ");
  return `${one.contact.name}: ${one.status}, ${one.assignee?.name ?? "waiting"}, ${one.unread_count} unread ${labels}`;
}
