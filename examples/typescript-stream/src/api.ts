// REST: signing in, staying signed in, and calls that are safe to repeat.

/** The refresh token is not taken any more: a person has to sign in. */
export class SignedOut extends Error {}

/** An answer that is not 2xx: a problem with a stable `code`. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    detail: string,
  ) {
    super(detail);
  }
}

export interface Answer<T> {
  body: T;
  /** From where to follow the stream so that nothing after this answer is missed. */
  cursor: string;
}

interface Tokens {
  access_token: string;
  refresh_token: string;
}

interface Page<T> {
  items: T[];
  next_cursor: string | null;
}

const ATTEMPTS = 6;
const ANSWER_WITHIN_MS = 15_000;

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
      // A refresh token is good for one use, so that everybody who needs a new one waits for the same.
      this.#refreshing ??= this.#refresh(this.#tokens.refresh_token).finally(() => (this.#refreshing = undefined));
      await this.#refreshing;
    }
    return this.#tokens.access_token;
  }

  async #refresh(refresh_token: string): Promise<void> {
    try {
      this.#tokens = (await this.#send<Tokens>("POST", "/v1/auth/refresh", { refresh_token })).body;
    } catch (error) {
      throw error instanceof Refused && error.status === 401 ? new SignedOut(error.message) : error;
    }
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

  /** All pages of a list, with the cursor of the first, which is the oldest. */
  async all<T>(path: string, next = "cursor"): Promise<Answer<T[]>> {
    const first = await this.call<Page<T>>("GET", path);
    const items = first.body.items;
    for (let page = first.body; page.next_cursor !== null; ) {
      const more = `${path}&${next}=${encodeURIComponent(page.next_cursor)}`;
      page = (await this.call<Page<T>>("GET", more)).body;
      items.push(...page.items);
    }
    return { body: items, cursor: first.cursor };
  }

  /** Sends until there is an answer. Repeating is harmless: each POST carries one key for all its attempts. */
  async #send<T>(method: string, path: string, body?: unknown, token?: string): Promise<Answer<T>> {
    const headers: Record<string, string> = {};
    if (body !== undefined) headers["content-type"] = "application/json";
    if (token) headers["authorization"] = `Bearer ${token}`;
    if (token && method === "POST") headers["idempotency-key"] = crypto.randomUUID();
    const content = body === undefined ? null : JSON.stringify(body);
    for (let attempt = 1; ; attempt++) {
      let retryAfter: string | null = null;
      try {
        const signal = AbortSignal.timeout(ANSWER_WITHIN_MS);
        const response = await fetch(this.base + path, { method, headers, body: content, signal });
        const text = await response.text();
        if (response.ok) {
          return { body: text && JSON.parse(text), cursor: response.headers.get("stream-cursor") ?? "" };
        }
        const problem = response.headers.get("content-type")?.includes("json") ? JSON.parse(text) : {};
        const refused = new Refused(response.status, problem.code ?? "", problem.detail ?? response.statusText);
        if (attempt === ATTEMPTS || (response.status !== 429 && response.status < 502)) throw refused;
        retryAfter = response.headers.get("retry-after");
      } catch (error) {
        // What is no answer of the server is a broken connection.
        if (error instanceof Refused || attempt === ATTEMPTS) throw error;
      }
      await pause(retryAfter ? Number(retryAfter) * 1000 : backoff(attempt));
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
