import { setTimeout as pause } from 'node:timers/promises';
import { ROLES } from '../fleet.ts';
import { readSink } from '../examine.ts';
import type { Scenario } from '../scenario.ts';
import { LEASE_MS, type Stage } from '../stage.ts';

/** Beyond the lease, and below the silence after which a supervisor replaces its worker. */
const STOPPED_MS = 2 * LEASE_MS + 500;
const LOAD_MS = 1_200;

/** SIGSTOP past the lease, then SIGCONT: what the sleeper still reports is refused, because another has taken its work. */
export const stall: Scenario = {
  name: 'stall',
  description: 'SIGSTOP of a process past its lease, then SIGCONT: its late results are refused',
  stores: ['sqlite', 'redis'],
  play: async (stage, { isQuick }) => {
    const before = takenOver(stage);
    for (const role of isQuick ? ROLES.slice(1, 2) : [...ROLES, ...ROLES]) {
      await pause(LOAD_MS);
      stage.fleet.signal(role, 'SIGSTOP');
      stage.figures.faults += 1;
      await pause(STOPPED_MS);
      stage.fleet.signal(role, 'SIGCONT');
      stage.note(`${stage.figures.faults} stops`);
    }
    await pause(LOAD_MS);
    const count = takenOver(stage) - before;
    stage.notes.push(
      `${count} attempts were begun by a second process while the first was stopped`,
    );
    if (count === 0) stage.violations.push('nothing was taken over from a stopped process');
  },
};

/** Attempts with effects of more than one process. */
function takenOver({ folder }: Stage): number {
  const pids = new Map<string, Set<number>>();
  for (const { idempotencyKey, attempt, pid } of readSink(folder)) {
    const name = `${idempotencyKey}#${attempt}`;
    pids.set(name, (pids.get(name) ?? new Set()).add(pid));
  }
  return [...pids.values()].filter(({ size }) => size > 1).length;
}
