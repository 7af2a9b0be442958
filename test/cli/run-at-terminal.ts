import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import type { BatonFixture } from './run-baton.ts';

const MAIN = join(import.meta.dirname, '../../src/main.ts');

/** `script` of util-linux gives a program a terminal of its own; that of macOS takes other options. */
export const hasScript =
  process.platform === 'linux' &&
  spawnSync('script', ['--version'], { encoding: 'utf8' }).stdout.includes('util-linux');

/** What a person does at a terminal, line by line. */
export class AtTerminal {
  readonly #child: ChildProcess;
  readonly #ended: Promise<number | null>;
  #output = '';
  #isOver = false;
  #wake: () => void = () => undefined;

  constructor(
    { root, cwd, store }: BatonFixture,
    args: readonly string[],
    environment: Record<string, string> = {},
    /** Of the shell, behind the command. */
    redirection = '',
    /** Commands of the shell that come first. */
    before = '',
  ) {
    const words = [process.execPath, MAIN, ...args].map((word) => `'${word}'`);
    const command = [before, ...words, redirection].join(' ');
    this.#child = spawn('script', ['-qec', command, '/dev/null'], {
      cwd,
      env: {
        PATH: process.env.PATH,
        HOME: root,
        BATON_STORE: store,
        TERM: 'xterm',
        ...environment,
      },
    });
    this.#child.stdout?.on('data', (chunk: Buffer) => {
      this.#output += String(chunk);
      this.#wake();
    });
    this.#ended = new Promise((resolve) => {
      this.#child.on('close', (code) => {
        this.#isOver = true;
        resolve(code);
        this.#wake();
      });
    });
  }

  /** Resolves when the output since the start holds the text, or matches; rejects when the program ends before. */
  async sees(text: string | RegExp): Promise<string> {
    const isThere = (): boolean =>
      typeof text === 'string' ? this.#output.includes(text) : text.test(this.#output);
    while (!isThere()) {
      if (this.#isOver) throw new Error(`ended without ${String(text)}: ${this.#output}`);
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    return this.#output;
  }

  types(text: string): void {
    this.#child.stdin?.write(text);
  }

  async end(): Promise<{ readonly code: number | null; readonly output: string }> {
    const code = await this.#ended;
    return { code, output: this.#output };
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }
}
