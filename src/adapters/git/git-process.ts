import { spawn } from 'node:child_process';
import { RepositoryError } from '../../ports/repository-reader.ts';

/** For each call of git; a checkpoint makes about ten. */
export const GIT_TIMEOUT_MS = 10_000;

const MAX_STDERR_CHARACTERS = 4_096;

export interface GitCall {
  readonly args: readonly string[];
  readonly cwd: string;
  readonly input?: Uint8Array;
  /** Git is killed when it writes more. */
  readonly maxOutputBytes: number;
  /** Takes the output instead of `stdout`, which is empty then. */
  readonly onOutput?: (chunk: Buffer) => void;
}

export interface GitEnd {
  /** Meaningless when the output was cut. */
  readonly exitCode: number;
  readonly stdout: Buffer;
  readonly stderr: string;
  /** There was more than `maxOutputBytes`. */
  readonly isCut: boolean;
}

export interface GitLimits {
  /** For each call. Default: GIT_TIMEOUT_MS. */
  readonly timeoutMs?: number;
  /** Kills what is under way and refuses further calls; they reject with its reason. */
  readonly signal?: AbortSignal;
}

/** Runs git to its end. Rejects with RepositoryError when it does not start, is killed, or takes too long. */
export type Git = (call: GitCall) => Promise<GitEnd>;

/** `file`: absolute path of the program. `env`: the whole environment it sees. */
export function createGit(
  file: string,
  env: Readonly<Record<string, string>>,
  limits: GitLimits = {},
): Git {
  return async (call) => {
    limits.signal?.throwIfAborted();
    return runGit(file, env, limits, call);
  };
}

/** Over 40 lines: the five ways in which a process ends share what they have to settle. */
function runGit(
  file: string,
  env: Readonly<Record<string, string>>,
  { timeoutMs = GIT_TIMEOUT_MS, signal: deadline }: GitLimits,
  { args, cwd, input, maxOutputBytes, onOutput }: GitCall,
): Promise<GitEnd> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { cwd, env, windowsHide: true });
    const chunks: Buffer[] = [];
    let bytes = 0;
    let stderr = '';
    let isCut = false;
    // The pipes are let go at once: something that git started may hold their other ends.
    const stop = (): void => {
      child.kill('SIGKILL');
      for (const stream of child.stdio) stream?.destroy();
    };
    const giveUp = (reason: Error): void => {
      stop();
      reject(reason);
    };
    const timer = setTimeout(() => {
      giveUp(new RepositoryError(`git ${nameOf(args)} took longer than ${timeoutMs / 1_000} s`));
    }, timeoutMs);
    const onDeadline = (): void => giveUp(deadline?.reason as Error); // the reader aborts with one
    deadline?.addEventListener('abort', onDeadline, { once: true });
    const settleDown = (): void => {
      clearTimeout(timer);
      deadline?.removeEventListener('abort', onDeadline);
    };
    child.stdout.on('data', (chunk: Buffer) => {
      if (isCut) return;
      bytes += chunk.length;
      isCut = bytes > maxOutputBytes;
      if (isCut) stop();
      else if (onOutput) onOutput(chunk);
      else chunks.push(chunk);
    });
    child.stderr.on('data', (chunk: Buffer) => {
      if (stderr.length < MAX_STDERR_CHARACTERS) stderr += chunk.toString('utf8');
    });
    child.on('error', (error) => {
      settleDown();
      reject(new RepositoryError(`git cannot be run: ${error.message}`));
    });
    child.on('close', (exitCode, signal) => {
      settleDown();
      if (exitCode === null && !isCut)
        reject(new RepositoryError(`git ${nameOf(args)} was ended by ${signal ?? 'a signal'}`));
      else resolve({ exitCode: exitCode ?? 0, stdout: Buffer.concat(chunks), stderr, isCut });
    });
    // Git may end before it has read everything; its exit code tells what that means.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
  });
}

/** What git said, in one short line without control characters. */
export function complaintOf({ stderr, exitCode }: GitEnd): string {
  const lines = stderr.split('\n').map((line) => line.trim());
  const line = lines.find((text) => /^(?:fatal|error): /.test(text)) ?? lines.find(Boolean);
  if (line === undefined) return `exit code ${exitCode}`;
  return line.replaceAll(/\p{Cc}/gu, ' ').slice(0, 300);
}

function nameOf(args: readonly string[]): string {
  return args.find((arg, at) => !arg.startsWith('-') && args[at - 1] !== '-c') ?? '';
}
