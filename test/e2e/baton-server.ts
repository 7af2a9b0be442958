import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

const MAIN = fileURLToPath(new URL('../../dist/src/main.js', import.meta.url));

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stderr: string;
}

/** `baton serve` of the built program. */
export interface BatonServer {
  readonly child: ChildProcess;
  readonly url: string;
  /** What it said of itself when it began to listen. */
  readonly announced: Record<string, unknown>;
  readonly ended: Promise<Ended>;
}

/** A home, a workspace and a store of their own; every process that was started ends with the test. */
export class ServerPlace {
  readonly folder = mkdtempSync(join(tmpdir(), 'baton-serve-'));
  readonly #children: ChildProcess[] = [];

  constructor() {
    if (!existsSync(MAIN)) throw new Error('dist is missing: run "npm run build" first');
    onTestFinished(() => {
      for (const child of this.#children) child.kill('SIGKILL');
      rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
    });
  }

  write(name: string, text: string): string {
    const path = join(this.folder, name);
    writeFileSync(path, text);
    return path;
  }

  /** Any other command, to its end. */
  run(...args: string[]): { readonly code: number | null; readonly stdout: string } {
    const { status, stdout } = spawnSync(process.execPath, [MAIN, ...args], {
      env: this.#environment({}),
      cwd: this.folder,
      encoding: 'utf8',
    });
    return { code: status, stdout };
  }

  /** Rejects with what it wrote when it ends before it listens. */
  async serve(
    args: readonly string[] = [],
    environment: Record<string, string> = {},
  ): Promise<BatonServer> {
    const server = this.start(args, environment);
    const announced = Promise.withResolvers<string>();
    createInterface({ input: server.stdout }).once('line', announced.resolve);
    void server.ended.then(({ stderr }) => announced.reject(new Error(stderr)));
    const told = JSON.parse(await announced.promise) as Record<string, unknown>; // an object
    return { ...server, url: String(told['url']), announced: told };
  }

  start(args: readonly string[], environment: Record<string, string> = {}) {
    const child = spawn(process.execPath, [MAIN, 'serve', '--json', '--port', '0', ...args], {
      env: this.#environment(environment),
      cwd: this.folder,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#children.push(child);
    const output = { stderr: '' };
    child.stderr.on('data', (chunk: Buffer) => (output.stderr += chunk.toString()));
    const ended = new Promise<Ended>((resolve) => {
      child.on('close', (code, signal) => resolve({ code, signal, ...output }));
    });
    return { child, stdout: child.stdout, ended };
  }

  #environment(more: Record<string, string>): Record<string, string> {
    return {
      PATH: process.env['PATH'] ?? '',
      HOME: this.folder,
      BATON_STORE: join(this.folder, 'baton.db'),
      BATON_SHELL_ALLOW: 'sh',
      ...more,
    };
  }
}

/** Most memory that the process ever had, in bytes, as Linux counts it; elsewhere `undefined`. */
export function peakMemory({ child }: Pick<BatonServer, 'child'>): number | undefined {
  const file = `/proc/${child.pid}/status`;
  const match = existsSync(file) && /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(file, 'utf8'));
  return match ? Number(match[1]) * 1_024 : undefined;
}

export async function postJson(
  url: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<{ status: number; body: Record<string, unknown> }> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }; // by the API's description
}

export async function getJson(
  url: string,
  headers: Record<string, string> = {},
): Promise<{ status: number; body: Record<string, unknown> }> {
  const response = await fetch(url, { headers });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }; // as above
}
