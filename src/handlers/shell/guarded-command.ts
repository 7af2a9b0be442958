import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { Readable } from 'node:stream';
import type { Stream } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { GUARD_SCRIPT, parseReport } from './guard-script.ts';
import { endGroup, signalGroup } from './process-group.ts';

export interface GuardedCommand {
  /** Absolute path. */
  readonly file: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** Absent: standard input is empty. */
  readonly stdin?: string;
  /** From SIGTERM to SIGKILL after `signal` aborted. */
  readonly graceMs: number;
  readonly signal: AbortSignal;
  readonly onStdout: (chunk: Buffer) => void;
  readonly onStderr: (chunk: Buffer) => void;
}

export type GuardedEnd =
  | { readonly kind: 'exited'; readonly exitCode: number }
  | { readonly kind: 'killed'; readonly signal: string }
  | { readonly kind: 'aborted' }
  /** Somebody killed the guard; the command was killed with it. */
  | { readonly kind: 'guard_lost' }
  | { readonly kind: 'not_started'; readonly code: string; readonly message: string }
  /** Something of the group could not be killed. */
  | { readonly kind: 'survived'; readonly groupId: number };

const GUARD_SHELL = '/bin/sh';

/** For output that is still in the pipes when the group is gone; a process that left the group may hold them open. */
const OUTPUT_DRAIN_TIMEOUT_MS = 1_000;

const REPORT_LIMIT_CHARACTERS = 4_096;

function signalName(signalNumber: number): string {
  const found = Object.entries(constants.signals).find(([, value]) => value === signalNumber);
  return found?.[0] ?? `SIG${signalNumber}`;
}

/** Settles when the stream is used up or broken; a broken pipe here only means that the other side ended. */
function drain(stream: Stream | null | undefined, onChunk: (chunk: Buffer) => void): Promise<void> {
  if (!(stream instanceof Readable)) return Promise.resolve();
  stream.on('data', onChunk);
  return new Promise((resolve) => {
    stream.once('close', resolve).once('end', resolve).on('error', resolve);
  });
}

/** A command may end or close its input before it has read everything: its exit code tells whether that is bad. */
function feed(child: ChildProcess, text: string | undefined): void {
  child.stdin?.on('error', () => undefined);
  child.stdin?.end(text);
}

function start(command: GuardedCommand): ChildProcess {
  return spawn(GUARD_SHELL, ['-c', GUARD_SCRIPT, 'baton-guard', command.file, ...command.args], {
    cwd: command.cwd,
    env: command.env,
    detached: true,
    stdio: [command.stdin === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe', 'pipe', 'pipe'],
  });
}

/** SIGTERM to the group on abort, SIGKILL after the grace. Returns the function that ends the watch. */
function stopOnAbort(groupId: number, signal: AbortSignal, graceMs: number): () => void {
  let killTimer: NodeJS.Timeout | undefined;
  const stop = (): void => {
    signalGroup(groupId, 'SIGTERM');
    killTimer = setTimeout(() => signalGroup(groupId, 'SIGKILL'), graceMs);
  };
  if (signal.aborted) stop();
  else signal.addEventListener('abort', stop, { once: true });
  return () => {
    signal.removeEventListener('abort', stop);
    clearTimeout(killTimer);
  };
}

function closeStreams(child: ChildProcess): void {
  for (const stream of child.stdio) stream?.destroy();
}

function collectReport(child: ChildProcess): { readonly ended: Promise<void>; text(): string } {
  let report = '';
  const ended = drain(child.stdio[4], (chunk) => {
    if (report.length < REPORT_LIMIT_CHARACTERS) report += chunk.toString('latin1');
  });
  return { ended, text: () => report };
}

/** From a started guard to the end of its group and of its output. */
async function attend(
  child: ChildProcess,
  groupId: number,
  command: GuardedCommand,
): Promise<GuardedEnd> {
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const lifeline = drain(child.stdio[3], () => undefined);
  const report = collectReport(child);
  const outputs = [drain(child.stdout, command.onStdout), drain(child.stderr, command.onStderr)];
  feed(child, command.stdin);
  const stopWatching = stopOnAbort(groupId, command.signal, command.graceMs);
  await exited;
  stopWatching();
  const gone = await endGroup(groupId);
  const timeout = new AbortController();
  await Promise.race([
    Promise.all([...outputs, report.ended, lifeline]),
    delay(OUTPUT_DRAIN_TIMEOUT_MS, undefined, { signal: timeout.signal }).catch(() => undefined),
  ]);
  timeout.abort();
  closeStreams(child);
  if (!gone) return { kind: 'survived', groupId };
  return endOf(report.text(), command.signal.aborted);
}

/** A command that ended during the grace still counts as aborted: what it did after the signal is not a result. */
function endOf(report: string, aborted: boolean): GuardedEnd {
  if (aborted) return { kind: 'aborted' };
  const end = parseReport(report);
  if (end === undefined) return { kind: 'guard_lost' };
  if (end.kind === 'exited') return end;
  return { kind: 'killed', signal: signalName(end.signalNumber) };
}

function notStarted(error: unknown): GuardedEnd {
  const message = error instanceof Error ? error.message : String(error);
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
  return { kind: 'not_started', code, message };
}

/**
 * Runs a command in a process group of its own and answers only when nothing of that group runs any more: neither
 * after a normal end (left-over grandchildren are killed) nor after an abort (SIGTERM, grace, SIGKILL) can it race a
 * new attempt. When this process dies, the guard kills the group. Never rejects. Descendants that leave the group
 * (`setsid`) are not covered. Standard streams are Unix sockets, as Node makes them: `/dev/stdout` cannot be reopened.
 */
export async function runGuarded(command: GuardedCommand): Promise<GuardedEnd> {
  if (command.signal.aborted) return { kind: 'aborted' };
  let child: ChildProcess;
  try {
    child = start(command);
  } catch (error) {
    return notStarted(error);
  }
  if (child.pid !== undefined) return attend(child, child.pid, command);
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(notStarted(error)));
  });
}
