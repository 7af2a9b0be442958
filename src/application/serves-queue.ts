import type { WorkerPresence } from './worker-presence.ts';

export function servesQueue(workers: readonly WorkerPresence[], queue: string): boolean {
  return workers.some((worker) => worker.queues.includes(queue));
}
