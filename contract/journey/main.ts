// The main job of a front end, with nothing but the generated client and the stream: a customer writes, an agent answers
// and resolves.
import assert from 'node:assert/strict';
import {
  type Conversation,
  type Message,
  type Ticket,
  claimConversation,
  createMessage,
  getConversation,
  getMe,
  listConversations,
  listMessages,
  listTickets,
  login,
  resolveConversation,
} from '../../target/contract/clients/hey-api/index.js';
import { client } from '../../target/contract/clients/hey-api/client.gen.js';
import { DemoServer } from './server.js';
import { Stream } from './stream.js';

const CUSTOMER = '6281355667788';
const NAME = 'Dewi Lestari';
const QUESTION = 'Selamat siang kak, pesanan saya sampai mana ya?';
const REPLY = 'Siap kak, kami cek dulu ya.';
/** Nobody is called like this. */
const NOBODY = '00000000-0000-7000-8000-000000000000';

type SandboxMessage = { direction: string; text: string; status: string };

async function journey(server: DemoServer): Promise<void> {
  const begun = Date.now();
  const did = (what: string) => console.log(`  ${String(Date.now() - begun).padStart(5)} ms  ${what}`);

  // Sign in.
  client.setConfig({ baseUrl: server.api });
  const wrong = await login({ body: { email: 'siti@demo.example', password: 'not-hers' } });
  assert.equal(wrong.response?.status, 401);
  assert.equal(wrong.error?.code, 'invalid_credentials');
  const { data: signedIn } = await login({
    body: { email: 'siti@demo.example', password: 'tanggap-demo' },
    throwOnError: true,
  });
  assert.equal(signedIn.token_type, 'Bearer');
  client.setConfig({ baseUrl: server.api, auth: () => signedIn.access_token });
  const { data: me } = await getMe({ throwOnError: true });
  assert.equal(me.id, signedIn.agent.id);
  assert.equal(me.role, 'agent');
  did('signed in');

  // Load, page by page, then follow from there.
  const first = await listConversations({ query: { tab: 'all', limit: 1 }, throwOnError: true });
  const cursor = first.response.headers.get('stream-cursor');
  assert(cursor, 'no Stream-Cursor');
  assert.equal(first.data.items.length, 1);
  assert(first.data.next_cursor, 'the demo has more than one conversation');
  const rest = await listConversations({ query: { tab: 'all', cursor: first.data.next_cursor }, throwOnError: true });
  const known = [...first.data.items, ...rest.data.items].map(({ id }) => id);
  assert.equal(new Set(known).size, known.length, 'a conversation is on two pages');
  did(`listed ${known.length} conversations`);

  const stream = Stream.open(server.stream, signedIn.access_token, cursor);
  assert.equal((await stream.frame('hello')).protocol, 1);
  const ready = await stream.frame('ready');
  assert.equal(ready.agent_id, me.id);
  assert.equal(ready.mode, 'replay');
  await stream.frame('caught_up');
  did('opened the stream');

  // A customer writes.
  await customerWrites(server, QUESTION);
  const arrived = await stream.event('message.created', null);
  const question = arrived.data as Message;
  assert.equal(question.text, QUESTION);
  assert.equal(question.direction, 'inbound');
  assert.equal(question.author.type, 'contact');
  assert.equal(question.author.name, NAME);
  const id = question.conversation_id;
  assert(!known.includes(id), 'the customer is new');
  const path = { conversation_id: id };
  const { data: waiting } = await getConversation({ path, throwOnError: true });
  assert.equal(waiting.handler, 'queue');
  assert.equal(waiting.contact.name, NAME);
  assert(waiting.reply_window.allowed.includes('text'));
  did('saw the message arrive');

  // What does not exist is a typed problem.
  const missing = await claimConversation({ path: { conversation_id: NOBODY } });
  assert.equal(missing.response?.status, 404);
  assert.equal(missing.error?.code, 'not_found');

  // Reply; a repeat is the same message.
  const reply = { kind: 'text', text: REPLY, client_message_id: 'journey-1' } as const;
  const sent = await createMessage({ path, body: reply, throwOnError: true });
  assert.equal(sent.response.status, 201);
  assert.equal(sent.data.status, 'queued');
  assert.equal(sent.data.author.id, me.id);
  const again = await createMessage({ path, body: reply, throwOnError: true });
  assert.equal(again.data.id, sent.data.id);
  const statuses: string[] = [];
  while (statuses.at(-1) !== 'read') {
    const changed = (await stream.event('message.updated', id)).data as Message;
    assert.equal(changed.id, sent.data.id);
    statuses.push(changed.status);
  }
  const order = ['sent', 'delivered', 'read'];
  assert.deepEqual(statuses, order.filter((status) => statuses.includes(status)), 'a status moved back');
  const got = (await customerSees(server)).filter(({ direction }) => direction === 'outbound');
  assert.deepEqual(got.map(({ text, status }) => [text, status]), [[REPLY, 'read']]);
  const { data: held } = await getConversation({ path, throwOnError: true });
  assert.equal(held.assignee?.id, me.id);
  assert.equal(held.status, 'answered');
  did(`replied, and saw it ${statuses.join(', ')}`);

  // Resolve.
  const { data: resolved } = await resolveConversation({ path, throwOnError: true });
  assert.equal(resolved.status, 'resolved');
  const told = (await stream.event('conversation.resolved', id)).data as Conversation;
  assert.deepEqual([told.status, told.version], ['resolved', resolved.version]);
  const closed = (await stream.event('ticket.resolved', id)).data as Ticket;
  const { data: tickets } = await listTickets({ query: { limit: 5 }, throwOnError: true });
  const ticket = tickets.items.find((one) => one.conversation_id === id);
  assert.equal(ticket?.id, closed.id);
  assert.equal(ticket.status, closed.status);
  assert(ticket.closed_at && ticket.answered_at);
  const { data: thread } = await listMessages({ path, throwOnError: true });
  const written = thread.items.filter(({ direction }) => direction !== 'system').map(({ text }) => text);
  assert.deepEqual(written, [REPLY, QUESTION]);
  did('resolved');
  await stream.close();
}

async function customerWrites(server: DemoServer, text: string): Promise<void> {
  const url = `${server.sandbox}/sandbox/customers/${CUSTOMER}/messages`;
  const answer = await fetch(url, { method: 'POST', body: JSON.stringify({ name: NAME, text }) });
  assert.equal(answer.status, 200, await answer.text());
}

async function customerSees(server: DemoServer): Promise<SandboxMessage[]> {
  const answer = await fetch(`${server.sandbox}/sandbox/customers/${CUSTOMER}/messages`);
  assert.equal(answer.status, 200);
  return ((await answer.json()) as { items: SandboxMessage[] }).items;
}

const binary = process.argv[2];
assert(binary, 'which binary?');
const server = await DemoServer.start(binary);
try {
  await journey(server);
} finally {
  await server.stop();
}
