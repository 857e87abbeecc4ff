// REST: signing in, staying signed in, and calls that are safe to repeat.

/** The refresh token is not taken any more: a person has to sign in. */
export class SignedOut extends Error {}

/** An answer that is not 2xx: a problem with a stable `code`. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
  ) {
    super(`${status} ${code}`);
  }
}

/** What was answered, and from where to follow the stream so that nothing after it is missed. */
export type Answer<T> = { body: T; cursor: string };

type Tokens = { access_token: string; refresh_token: string };

const ATTEMPTS = 6;
/** A refresh whose answer got lost can be repeated within ten seconds; after that the sign-in has ended. */
const ANSWER_WITHIN_MS = 8_000;

export class Api {
  #tokens: Tokens | undefined;
  #refreshing: Promise<void> | undefined;

  /** `base` without a slash at its end, like `http://127.0.0.1:8080`. */
  constructor(readonly base: string) {}

  async signIn(email: string, password: string): Promise<void> {
    this.#tokens = (await this.#send<Tokens>("POST", "/v1/auth/login", { email, password })).body;
  }

  /** The access token; another one than `refused`, which the server does not take any more. */
  async token(refused?: string): Promise<string> {
    if (!this.#tokens) throw new SignedOut("sign in first");
    if (refused === this.#tokens.access_token) {
      // A refresh token is good for one use: all who need a new access token wait for the same.
      this.#refreshing ??= this.#refresh(this.#tokens.refresh_token).finally(() => (this.#refreshing = undefined));
      await this.#refreshing;
    }
    return this.#tokens.access_token;
  }

  async call<T>(method: string, path: string, body?: unknown): Promise<Answer<T>> {
    const token = await this.token();
    try {
      return await this.#send<T>(method, path, body, token);
    } catch (error) {
      if (!(error instanceof Refused) || error.status !== 401) throw error;
      return await this.#send<T>(method, path, body, await this.token(token));
    }
  }

  /** All pages of a list, with the cursor of the first, which is the oldest. `next` is the parameter that leads on. */
  async all<T>(path: string, next = "cursor"): Promise<Answer<T[]>> {
    type Page = { items: T[]; next_cursor: string | null };
    const first = await this.call<Page>("GET", path);
    const items = [...first.body.items];
    for (let page = first.body; page.next_cursor !== null; items.push(...page.items)) {
      page = (await this.call<Page>("GET", `${path}&${next}=${encodeURIComponent(page.next_cursor)}`)).body;
    }
    return { body: items, cursor: first.cursor };
  }

  async #refresh(refresh_token: string): Promise<void> {
    try {
      this.#tokens = (await this.#send<Tokens>("POST", "/v1/auth/refresh", { refresh_token })).body;
    } catch (error) {
      throw error instanceof Refused && error.status === 401 ? new SignedOut(error.message) : error;
    }
  }

  /** Sends until there is an answer. Repeating a POST is harmless: its attempts have one key. */
  async #send<T>(method: string, path: string, body?: unknown, token?: string): Promise<Answer<T>> {
    const headers = new Headers();
    if (body !== undefined) headers.set("content-type", "application/json");
    if (token) headers.set("authorization", `Bearer ${token}`);
    if (token && method === "POST") headers.set("idempotency-key", crypto.randomUUID());
    const request = { method, headers, body: body === undefined ? null : JSON.stringify(body) };
    for (let attempt = 1; ; attempt++) {
      let waitMs = backoff(attempt);
      try {
        const response = await fetch(this.base + path, { ...request, signal: AbortSignal.timeout(ANSWER_WITHIN_MS) });
        const text = await response.text();
        const json = text && JSON.parse(text);
        if (response.ok) return { body: json, cursor: response.headers.get("stream-cursor") ?? "" };
        const later = response.status === 429 || response.status === 503;
        if (!later || attempt >= ATTEMPTS) throw new Refused(response.status, json.code);
        waitMs = Number(response.headers.get("retry-after")) * 1000 || waitMs;
      } catch (error) {
        // Whatever is no answer of the server may be better next time.
        if (error instanceof Refused || attempt >= ATTEMPTS) throw error;
      }
      await pause(waitMs);
    }
  }
}

/** Milliseconds to wait after so many failures: longer each time, and by chance, so that not all come back at once. */
export function backoff(failures: number): number {
  return (0.5 + Math.random() / 2) * Math.min(30_000, 250 * 2 ** failures);
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
