import { setTimeout as pause } from 'node:timers/promises';
import { ROLES } from '../fleet.ts';
import type { NetworkMode } from '../faulty-wire.ts';
import type { Scenario } from '../scenario.ts';
import { LEASE_MS, type Stage } from '../stage.ts';
import { isRequestOf, type WriteKind } from '../write-kind.ts';

/** Beyond the lease and beyond the silence after which the adapter gives a connection up. */
const HOLE_MS = LEASE_MS + 3_000;
const SLOW_MS = 3_000;
const PAUSE_MS = 250;
const PATIENCE_MS = 1_500;
const RESETS = 8;
const DROPPED: readonly WriteKind[] = ['start', 'report', 'claim', 'timer', 'renewal', 'signal'];

/** Bad networks between each process and Redis: reset, black hole, delay, lost replies, one byte at a time. */
export const network: Scenario = {
  name: 'network',
  description: 'reset, black hole, delay, reply dropped after the commit, one byte at a time',
  stores: ['redis'],
  isQuick: true,
  play: async (stage, { isQuick }) => {
    await dropReplies(stage);
    await reset(stage);
    if (isQuick) return;
    for (const role of ROLES) await during(stage, [role], { kind: 'hold' }, HOLE_MS);
    await during(stage, ROLES, { kind: 'hold' }, HOLE_MS);
    await during(stage, ROLES, { kind: 'delay', delayMs: 300 }, SLOW_MS);
    await during(stage, ROLES, { kind: 'bytes' }, SLOW_MS);
    await refuse(stage);
    await dropReplies(stage);
  },
};

async function during(
  stage: Stage,
  roles: readonly (typeof ROLES)[number][],
  mode: NetworkMode,
  lengthMs: number,
): Promise<void> {
  stage.note(`${mode.kind} for ${roles.join(', ')}`);
  stage.figures.faults += 1;
  for (const role of roles) stage.proxy(role).setMode(mode);
  await pause(lengthMs);
  for (const role of roles) stage.proxy(role).setMode({ kind: 'pass' });
  await pause(PAUSE_MS);
}

async function reset(stage: Stage): Promise<void> {
  for (let at = 0; at < RESETS; at += 1) {
    stage.figures.faults += stage.proxy(stage.random.pick([...ROLES])).resetAll() > 0 ? 1 : 0;
    await pause(stage.random.int(0, 2 * PAUSE_MS));
  }
}

/** Nobody can connect, and who is connected is cut off. */
async function refuse(stage: Stage): Promise<void> {
  for (const proxy of stage.proxies) proxy.setMode({ kind: 'refuse' });
  for (const proxy of stage.proxies) proxy.resetAll();
  stage.figures.faults += 1;
  await pause(HOLE_MS);
  for (const proxy of stage.proxies) proxy.setMode({ kind: 'pass' });
}

/** Redis has done it, and the answer never comes: the same command again is told that it is done. */
async function dropReplies(stage: Stage): Promise<void> {
  for (const kind of DROPPED)
    for (const role of kind === 'start' || kind === 'signal' ? ROLES.slice(0, 1) : ROLES) {
      const sprung = new Promise<boolean>((resolve) => {
        stage.proxy(role).setTrap({
          when: 'after',
          matches: (request) => isRequestOf(kind, request),
          spring: () => resolve(true),
        });
      });
      const isSprung = await Promise.race([sprung, pause(PATIENCE_MS, false)]);
      stage.proxy(role).setTrap(undefined);
      if (isSprung) stage.figures.faults += 1;
      stage.note(`${stage.figures.faults} faults`);
    }
}
