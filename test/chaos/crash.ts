import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Random } from '../simulation/random.ts';
import type { Role } from './fleet.ts';
import { isAlive } from './processes.ts';
import type { Stage } from './stage.ts';
import { isRequestOf, type SqliteTrap, type WriteKind } from './write-kind.ts';

/** Where in its work a process dies: around a write to the store, in the middle of a handler, or anywhere. */
export type CrashPoint =
  | { readonly kind: 'write'; readonly trap: SqliteTrap }
  | { readonly kind: 'in-handler' }
  | { readonly kind: 'random'; readonly afterMs: number };

const WORKER_WRITES = ['claim', 'report', 'renewal', 'timer', 'engine-claim'] as const;
const SERVER_WRITES = ['start', 'signal', 'start', ...WORKER_WRITES] as const;
/** A point that is not reached in this time becomes a kill at random. */
const PATIENCE_MS = 2_500;
const MAX_RANDOM_MS = 700;
const POLL_MS = 5;

export function drawPoint(random: Random, role: Role): CrashPoint {
  const dice = random.next();
  if (dice < 0.25) return { kind: 'random', afterMs: random.int(0, MAX_RANDOM_MS) };
  if (dice < 0.35) return { kind: 'in-handler' };
  const kind: WriteKind = random.pick(role === 'server' ? [...SERVER_WRITES] : [...WORKER_WRITES]);
  const when = random.chance(0.5) ? 'before' : 'after';
  return { kind: 'write', trap: { kind, when, nth: random.int(1, 3) } };
}

/** In the words of the report, e.g. `after report, before its reply`. */
export function nameOfPoint(point: CrashPoint): string {
  if (point.kind !== 'write') return point.kind === 'random' ? 'at random' : 'in a handler';
  const { kind, when } = point.trap;
  return when === 'before' ? `before ${kind}` : `after ${kind}, before its reply`;
}

export interface Crash {
  readonly role: Role;
  readonly pid: number;
  readonly point: string;
}

/** Kills one process at the point, or, when nothing of the kind happens for long, where it is. */
export async function crash(
  stage: Stage,
  role: Role,
  point: CrashPoint,
): Promise<Crash | undefined> {
  const pids = new Map(stage.fleet.ready.map((one) => [one, stage.fleet.enginePid(one)]));
  const pid = pids.get(role);
  if (pid === undefined) return undefined;
  if (point.kind === 'random') {
    await pause(point.afterMs);
    stage.fleet.kill(role);
    return { role, pid, point: nameOfPoint(point) };
  }
  const disarm = point.kind === 'write' ? arm(stage, role, point.trap) : armHandler(stage);
  const candidates = point.kind === 'write' ? [role] : [...pids.keys()];
  const died = await firstDeath(candidates, pids);
  disarm();
  if (died !== undefined) return { ...died, point: nameOfPoint(point) };
  stage.fleet.kill(role);
  return { role, pid, point: 'at random' };
}

async function firstDeath(
  roles: readonly Role[],
  pids: ReadonlyMap<Role, number | undefined>,
): Promise<{ role: Role; pid: number } | undefined> {
  const untilMs = performance.now() + PATIENCE_MS;
  while (performance.now() < untilMs) {
    for (const role of roles) {
      const pid = pids.get(role);
      if (pid !== undefined && !isAlive(pid)) return { role, pid };
    }
    await pause(POLL_MS);
  }
  return undefined;
}

/** The process dies by its own hand (SQLite) or by the proxy's (Redis). Answers how to take the trap away. */
function arm(stage: Stage, role: Role, trap: SqliteTrap): () => void {
  if (stage.options.store === 'sqlite') return armFile(stage.trapFileOf(role), trap);
  let left = trap.nth;
  const proxy = stage.proxy(role);
  proxy.setTrap({
    when: trap.when,
    matches: (request) => isRequestOf(trap.kind, request) && (left -= 1) <= 0,
    spring: () => stage.fleet.kill(role),
  });
  return () => proxy.setTrap(undefined);
}

/** Never half of it is there to be read. */
function armFile(path: string, trap: SqliteTrap): () => void {
  writeFileSync(`${path}.new`, JSON.stringify(trap));
  renameSync(`${path}.new`, path);
  return () => rmSync(path, { force: true });
}

function armHandler(stage: Stage): () => void {
  const token = join(stage.folder, 'die-in-handler');
  writeFileSync(token, '');
  return () => rmSync(token, { force: true });
}
