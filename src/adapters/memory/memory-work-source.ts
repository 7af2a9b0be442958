import type { WorkSource } from '../../ports/work-source.ts';
import { claimEngineWork, claimTasks } from './claims.ts';
import { assertHeartbeat, release, renew } from './leases.ts';
import type { MemorySession } from './memory-session.ts';
import { openWork, queueDepths } from './open-work.ts';

export function createMemoryWorkSource(session: MemorySession): WorkSource {
  const { database, clock } = session;
  const perform = session.perform.bind(session);

  return {
    claimTasks: (request) =>
      perform('claimTasks', () => claimTasks(database, request, clock.now())),
    claimEngineWork: (request) =>
      perform('claimEngineWork', () => claimEngineWork(database, request, clock.now())),
    renew: async (lease, durationMs, heartbeat) => {
      assertHeartbeat(heartbeat);
      return perform('renew', () => renew(database, lease, durationMs, heartbeat, clock.now()));
    },
    release: (lease) =>
      perform('release', () => {
        if (release(database, lease)) session.notify({ key: lease.key, work: true });
      }),
    discard: (lease) => perform('discard', () => database.removeHeld(lease)),
    openWork: (key) => perform('openWork', () => openWork(database, key)),
    queueDepths: () => perform('queueDepths', () => queueDepths(database, clock.now())),
  };
}
