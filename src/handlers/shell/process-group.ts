import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';

/** How long the kernel gets to end a killed group; only uninterruptible I/O and foreign owners need longer. */
export const GROUP_END_TIMEOUT_MS = 10_000;

const FIRST_PROBE_DELAY_MS = 1;
const MAX_PROBE_DELAY_MS = 50;

function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

/** False when no process of the group is left. EPERM counts as alive: somebody is there, but not ours to signal. */
export function signalGroup(groupId: number, signal: NodeJS.Signals): boolean {
  try {
    process.kill(-groupId, signal);
    return true;
  } catch (error) {
    return errorCode(error) !== 'ESRCH';
  }
}

async function isLiveMember(processId: string, groupId: number): Promise<boolean> {
  const stat = await readFile(`/proc/${processId}/stat`, 'utf8').catch(() => '');
  // The command's name stands in parentheses and may hold anything: fields count from the last one.
  const [state, , group] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return Number(group) === groupId && state !== 'Z' && state !== 'X';
}

/**
 * A zombie still counts as a member for kill(2). Process 1 of a container often reaps late or never, and a zombie does
 * nothing more, so it must not hold up the next attempt. Without /proc (macOS, where launchd reaps) kill(2) decides.
 */
async function hasLiveMember(groupId: number): Promise<boolean> {
  if (process.platform !== 'linux') return true;
  const entries = await readdir('/proc').catch(() => undefined);
  if (entries === undefined) return true;
  for (const entry of entries) {
    if (/^\d+$/.test(entry) && (await isLiveMember(entry, groupId))) return true;
  }
  return false;
}

/**
 * SIGKILLs the group until nothing of it runs. Answers false when something still does after `timeoutMs`: then a new
 * attempt would race it.
 */
export async function endGroup(
  groupId: number,
  timeoutMs: number = GROUP_END_TIMEOUT_MS,
): Promise<boolean> {
  const deadlineMs = performance.now() + timeoutMs;
  let waitMs = FIRST_PROBE_DELAY_MS;
  while (signalGroup(groupId, 'SIGKILL')) {
    if (!(await hasLiveMember(groupId))) return true;
    if (performance.now() > deadlineMs) return false;
    await delay(waitMs);
    waitMs = Math.min(waitMs * 2, MAX_PROBE_DELAY_MS);
  }
  return true;
}
