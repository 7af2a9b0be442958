import { readdirSync, readFileSync, statSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

const POLL_MS = 10;

/** Whether a process runs (one that has ended and waits to be collected does not). */
export function isAlive(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) [ZX]/s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

/** Nobody tells of the end of another's child: it is looked for. False when the time is up before. */
export async function untilGone(pid: number, limitMs: number): Promise<boolean> {
  const untilMs = performance.now() + limitMs;
  while (isAlive(pid)) {
    if (performance.now() > untilMs) return false;
    await pause(POLL_MS);
  }
  return true;
}

export function childrenOf(pid: number): number[] {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
    return text === '' ? [] : text.split(' ').map(Number);
  } catch {
    return [];
  }
}

export function commandLineOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return '';
  }
}

/** Ends one by its id; it may be gone already. */
export function endProcess(pid: number, signal: NodeJS.Signals = 'SIGKILL'): void {
  try {
    process.kill(pid, signal);
  } catch {
    // Gone.
  }
}

/** Processes that belong to the program at this place: children of killed ones may live on a moment. */
export function processesOf(program: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => isMine(pid) && commandLineOf(pid).includes(program));
}

function isMine(pid: number): boolean {
  try {
    return statSync(`/proc/${pid}`).uid === process.getuid?.() && isAlive(pid);
  } catch {
    return false;
  }
}
