// The real server with its sandbox, as `tanggap dev` starts it.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { rm } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

export class Server {
  #process: ChildProcess | undefined;
  #output = "";

  private constructor(
    readonly port: number,
    readonly sandbox: string,
    readonly folder: string,
  ) {}

  /** In a folder of its own. The program is named by TANGGAP_BIN. */
  static async start(settings: Record<string, string> = {}): Promise<Server> {
    const [port, sandbox] = [await freePort(), await freePort()];
    // Made by the program, so that its PostgreSQL may enter.
    const folder = join(tmpdir(), `tanggap-example-${crypto.randomUUID()}`);
    const server = new Server(port, `http://127.0.0.1:${sandbox}`, folder);
    await server.again(settings);
    return server;
  }

  get base(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Starts it on what it left behind. */
  async again(settings: Record<string, string> = {}): Promise<void> {
    const binary = process.env["TANGGAP_BIN"];
    if (!binary) throw new Error("TANGGAP_BIN has to name the program");
    const env = {
      ...process.env,
      TANGGAP_LISTEN: `127.0.0.1:${this.port}`,
      TANGGAP_SANDBOX_LISTEN: this.sandbox.replace("http://", ""),
      TANGGAP_DATA_DIR: this.folder,
      ...settings,
    };
    const child = spawn(binary, ["dev"], { env, stdio: ["ignore", "pipe", "pipe"] });
    this.#process = child;
    this.#output = "";
    await new Promise<void>((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`it is not ready after three minutes:\n${this.#output}`)), 180_000);
      const hear = (text: Buffer) => {
        this.#output += text.toString();
        if (!this.#output.includes("Tanggap is ready.")) return;
        clearTimeout(late);
        resolve();
      };
      child.stdout.on("data", hear);
      child.stderr.on("data", hear);
      child.once("exit", (code) => reject(new Error(`it ended with ${code}:\n${this.#output}`)));
    });
  }

  /** SIGTERM, as at a deploy. */
  async stop(): Promise<void> {
    const child = this.#process;
    if (!child || child.exitCode !== null) return;
    child.removeAllListeners("exit");
    const ended = once(child, "exit");
    child.kill("SIGTERM");
    await ended;
  }

  async remove(): Promise<void> {
    await this.stop();
    await rm(this.folder, { recursive: true, force: true });
  }
}

async function freePort(): Promise<number> {
  const listener = createServer().listen(0, "127.0.0.1");
  await once(listener, "listening");
  const { port } = listener.address() as AddressInfo;
  listener.close();
  await once(listener, "close");
  return port;
}

/** Looks until it holds. Nothing here comes near to the deadline, also on a slow machine. */
export async function eventually<T>(what: string, look: () => Promise<T | undefined> | T | undefined): Promise<T> {
  const until = Date.now() + 120_000;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > until) throw new Error(`${what} did not happen`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
