// `tanggap dev` as a child process, with its sandbox, in a folder and on ports of its own.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const START_MS = 60_000;
const READY = 'Tanggap is ready.';

export class DemoServer {
  private constructor(
    private readonly child: ChildProcess,
    private readonly folder: string,
    readonly api: string,
    readonly stream: string,
    readonly sandbox: string,
  ) {}

  static async start(binary: string): Promise<DemoServer> {
    const folder = await mkdtemp(join(tmpdir(), 'tanggap-contract-'));
    // PostgreSQL does not run as root: as another user, it has to get into the folder.
    await chmod(folder, 0o755);
    const [listen, sandbox] = await Promise.all([freeAddress(), freeAddress()]);
    const child = spawn(
      binary,
      ['dev', '--data-dir', folder, '--listen', listen, '--sandbox-listen', sandbox],
      { env: ownSettingsOnly(), stdio: ['ignore', 'pipe', 'pipe'] },
    );
    const server = new DemoServer(child, folder, `http://${listen}`, `ws://${listen}/v1/stream`, `http://${sandbox}`);
    try {
      await said(child, READY);
    } catch (error) {
      await server.stop();
      throw error;
    }
    return server;
  }

  async stop(): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      const gone = once(this.child, 'exit');
      this.child.kill('SIGTERM');
      await gone;
    }
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** A port that nobody has now. */
async function freeAddress(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { address, port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return `${address}:${port}`;
}

/** Settings of a Tanggap that is developed or run on this machine are not meant for this one. */
function ownSettingsOnly(): NodeJS.ProcessEnv {
  const settings = Object.entries(process.env);
  return Object.fromEntries(settings.filter(([name]) => !name.startsWith('TANGGAP_') && name !== 'DATABASE_URL'));
}

/** Waits for words on the standard output; what was written is in the error if they do not come. */
async function said(child: ChildProcess, words: string): Promise<void> {
  let output = '';
  await new Promise<void>((resolve, reject) => {
    const fail = (why: string) => reject(new Error(`tanggap dev ${why}:\n${output}`));
    const late = setTimeout(() => fail('was not ready in time'), START_MS);
    const done = () => {
      clearTimeout(late);
      resolve();
    };
    child.on('error', (error) => fail(`did not start: ${error.message}`));
    child.on('exit', (code) => fail(`ended with ${code}`));
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        output += text;
        if (output.includes(words)) done();
      });
    }
  });
}
