import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import type { Readable, Writable } from 'node:stream';
import { createInterface } from 'node:readline';
import type { JSONRPCMessage, Transport } from '@modelcontextprotocol/client';
import type { Launch } from './launch.ts';

/** MCP over the standard streams of a process whose end is told with its exit code, unlike the SDK's own transport. */
export class ChildTransport implements Transport {
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: (message: JSONRPCMessage) => void;
  /** Exit code, or the signal that ended it. */
  readonly ended: Promise<number | string>;
  readonly pid: number;
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;

  constructor(launch: Launch, args: readonly string[]) {
    this.#child = spawn(launch.command, [...launch.args, ...args], {
      cwd: launch.folder,
      env: launch.environment,
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const { pid, stderr, stdin } = this.#child;
    if (pid === undefined) throw new Error(`${launch.command} cannot be started`);
    this.pid = pid;
    stderr.on('data', (bytes: Buffer) => appendFileSync(launch.errorLog, bytes));
    // EPIPE: the process is gone, which `ended` tells.
    stdin.on('error', () => undefined);
    this.ended = new Promise((resolve) => {
      this.#child.once('exit', (code, signal) => {
        resolve(code ?? signal ?? 'gone');
        this.onclose?.();
      });
    });
  }

  async start(): Promise<void> {
    createInterface({ input: this.#child.stdout }).on('line', (line) => {
      try {
        // A server's line is a message of the protocol; the client checks what it needs of it.
        this.onmessage?.(JSON.parse(line) as JSONRPCMessage);
      } catch (error) {
        this.onerror?.(error instanceof Error ? error : new Error(String(error)));
      }
    });
  }

  async send(message: JSONRPCMessage): Promise<void> {
    this.#child.stdin.write(`${JSON.stringify(message)}\n`);
  }

  /** The end of its input is the end of its work. */
  async close(): Promise<void> {
    this.#child.stdin.end();
    await this.ended;
  }
}
