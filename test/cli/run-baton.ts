import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  watch,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const MAIN = join(import.meta.dirname, '../../src/main.ts');

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A `baton` process that goes on; ends with the fixture. */
export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** Resolves as soon as standard output matches; rejects when the process ends before. */
  stdoutMatching(pattern: RegExp): Promise<RegExpExecArray>;
}

/** A home directory, a working directory and a store of their own, for real `baton` processes. */
export class BatonFixture {
  readonly root = mkdtempSync(join(tmpdir(), 'baton-cli-'));
  readonly cwd = join(this.root, 'project');
  readonly store = join(this.root, 'store', 'baton.db');
  readonly #running: ChildProcess[] = [];

  constructor() {
    mkdirSync(this.cwd);
  }

  write(name: string, text: string): string {
    const path = join(this.cwd, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    return path;
  }

  /** Resolves as soon as a file of the working directory is there and matches. */
  async fileMatching(name: string, pattern: RegExp): Promise<void> {
    const path = join(this.cwd, name);
    const watcher = watch(this.cwd);
    while (!existsSync(path) || !pattern.test(readFileSync(path, 'utf8')))
      await once(watcher, 'change');
    watcher.close();
  }

  start(args: readonly string[], environment: Record<string, string> = {}): Running {
    return this.startScript(MAIN, args, environment);
  }

  /** Another program than `baton`, with the same surroundings. */
  startScript(
    script: string,
    args: readonly string[] = [],
    environment: Record<string, string> = {},
  ): Running {
    const child = spawn(process.execPath, [script, ...args], {
      cwd: this.cwd,
      env: {
        PATH: process.env.PATH,
        HOME: this.root,
        BATON_STORE: this.store,
        BATON_SHELL_ALLOW: 'sh',
        ...environment,
      },
    });
    this.#running.push(child);
    return follow(child);
  }

  async run(args: readonly string[], environment: Record<string, string> = {}): Promise<Ended> {
    const { child, ended } = this.start(args, environment);
    child.stdin?.end();
    return ended;
  }

  /** Runs with `--json` and reads the one document; fails when standard output holds anything else. */
  async json(args: readonly string[]): Promise<{ value: unknown; code: number | null }> {
    const { stdout, code } = await this.run([...args, '--json']);
    return { value: JSON.parse(stdout), code };
  }

  dispose(): void {
    for (const child of this.#running) child.kill('SIGKILL');
    rmSync(this.root, { recursive: true, force: true });
  }
}

function follow(child: ChildProcess): Running {
  const output = { stdout: '', stderr: '' };
  const ended = new Promise<Ended>((resolve) => {
    child.on('close', (code, signal) => resolve({ code, signal, ...output }));
  });
  child.stderr?.on('data', (chunk: Buffer) => (output.stderr += String(chunk)));
  child.stdout?.on('data', (chunk: Buffer) => (output.stdout += String(chunk)));
  return {
    child,
    ended,
    stdoutMatching: (pattern) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const match = pattern.exec(output.stdout);
          if (match !== null) resolve(match);
        };
        child.stdout?.on('data', look);
        void ended.then((end) => reject(new Error(`ended before ${pattern}: ${end.stderr}`)));
        look();
      }),
  };
}
