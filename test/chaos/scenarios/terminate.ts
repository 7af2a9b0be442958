import { setTimeout as pause } from 'node:timers/promises';
import { ROLES, type Role } from '../fleet.ts';
import type { Scenario } from '../scenario.ts';
import type { Stage } from '../stage.ts';

const LOAD_MS = 1_500;
const ROUNDS = 3;
/** Running steps get 10 s (the server's 1 s), and none here lasts longer than two. */
const END_LIMIT_MS = 8_000;

/** SIGTERM under load: each drains and ends with 0, and what it held is free for others at once. */
export const terminate: Scenario = {
  name: 'terminate',
  description: 'SIGTERM under load: drains, exit code 0, nothing waits for a lease',
  stores: ['sqlite', 'redis'],
  isQuick: true,
  play: async (stage, { isQuick }) => {
    for (let round = 0; round < (isQuick ? 1 : ROUNDS); round += 1) {
      await pause(LOAD_MS);
      await Promise.all(ROLES.map((role) => endOne(stage, role)));
      await expectNothingHeld(stage);
      await stage.fleet.untilReady();
      stage.note(`round ${round + 1}`);
    }
  },
};

async function endOne(stage: Stage, role: Role): Promise<void> {
  const { pid, server, worker } = stage.fleet.member(role) ?? {};
  const ended = server?.ended ?? worker?.ended;
  if (pid === undefined || ended === undefined) throw new Error(`${role} is not there`);
  const startedAtMs = performance.now();
  process.kill(pid, 'SIGTERM');
  const end = await Promise.race([ended, pause(END_LIMIT_MS, 'nothing')]);
  stage.figures.faults += 1;
  if (end === 'nothing')
    stage.violations.push(`${role} still ran ${END_LIMIT_MS} ms after SIGTERM`);
  else if (end !== 0) stage.violations.push(`${role} ended with ${end} after SIGTERM`);
  stage.notes.push(`${role} ended ${Math.round(performance.now() - startedAtMs)} ms after SIGTERM`);
}

/** All processes have ended: no task and no timer may be kept by one of them. */
async function expectNothingHeld(stage: Stage): Promise<void> {
  const store = await stage.openStore();
  try {
    const { runs } = await store.listRuns({ tenant: 'default', statuses: ['running'], limit: 50 });
    for (const { key, name } of runs)
      for (const { slot, lease } of (await store.openWork(key)).tasks)
        if (lease !== undefined && lease.expiresAtMs > Date.now())
          stage.violations.push(
            `${slot} of ${name} ${key.runId} waits for the lease of ${lease.owner}, which ended; claimed ${Date.now() - lease.claimedAtMs} ms ago`,
          );
  } finally {
    await store.close();
  }
}
