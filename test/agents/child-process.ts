import { spawn, type ChildProcessByStdio } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';

/** Kept of each output stream: its end. */
const MAX_OUTPUT_CHARS = 200_000;
const GRACE_MS = 2_000;

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A process that leads a process group of its own. */
export interface Child {
  readonly pid: number;
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderrText: () => string;
  readonly ended: Promise<Ended>;
  /** SIGTERM to the whole group, SIGKILL after 2 s; resolves when the leader is gone. */
  end(): Promise<void>;
}

export interface Surroundings {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Whom it runs as, user and group. Default: whoever runs this. */
  readonly uid?: number;
}

const groups = new Set<number>();
// Groups do not get the terminal's interrupt: whatever ends this process ends them.
process.once('exit', () => {
  for (const group of groups) signalGroup(group, 'SIGKILL');
});

export function startChild(
  command: string,
  args: readonly string[],
  { cwd, env, uid }: Surroundings,
): Child {
  const child: ChildProcessByStdio<Writable, Readable, Readable> = spawn(command, args, {
    cwd,
    env,
    ...(uid !== undefined && { uid, gid: uid }),
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const { pid } = child;
  if (pid === undefined) throw new Error(`${command} could not be started`);
  groups.add(pid);
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => {
    stderr = (stderr + String(chunk)).slice(-MAX_OUTPUT_CHARS);
  });
  // A client that is gone closes its standard input; whoever reads its output learns that it ended.
  child.stdin.on('error', () => undefined);
  const ended = new Promise<Ended>((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
  return {
    pid,
    stdin: child.stdin,
    stdout: child.stdout,
    stderrText: () => stderr,
    ended,
    end: async () => {
      signalGroup(pid, 'SIGTERM');
      const timer = setTimeout(() => signalGroup(pid, 'SIGKILL'), GRACE_MS);
      await ended;
      clearTimeout(timer);
      signalGroup(pid, 'SIGKILL'); // what the leader left behind
      groups.delete(pid);
    },
  };
}

/** Runs a command to its end, or ends it after `timeoutMs` and throws. */
export async function runChild(
  command: string,
  args: readonly string[],
  { timeoutMs, ...surroundings }: Surroundings & { readonly timeoutMs: number },
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = startChild(command, args, surroundings);
  let stdout = '';
  child.stdout.on('data', (chunk: Buffer) => {
    stdout = (stdout + String(chunk)).slice(-MAX_OUTPUT_CHARS);
  });
  child.stdin.end();
  const drained = new Promise((resolve) => child.stdout.once('close', resolve));
  try {
    const { code } = await withTimeout(child.ended, timeoutMs, `${command} ${args.join(' ')}`);
    await withTimeout(drained, timeoutMs, `the output of ${command}`);
    return { code, stdout, stderr: child.stderrText() };
  } finally {
    await child.end();
  }
}

/** Rejects when `promise` has not settled in time; it goes on then, and whoever waits has to end it. */
export async function withTimeout<T>(
  promise: Promise<T>,
  timeoutMs: number,
  what: string,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(
      () => reject(new Error(`${what} took longer than ${timeoutMs / 1_000} s`)),
      timeoutMs,
    );
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

function signalGroup(group: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-group, signal);
  } catch {
    // The group is gone already.
  }
}
