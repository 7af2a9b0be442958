import type { CommitCommand, CommitRequest } from './run-store.ts';

/** Throws for a request that no store accepts: a mistake of the caller, never a state of the store. */
export function assertCommitRequest(request: CommitRequest): void {
  const { commands, events } = request;
  if (request.expectedVersion === 0 && events.length === 0)
    throw new Error('commit: a run begins with at least one event');
  for (const event of events) {
    if (event.includes('\n')) throw new Error('commit: a serialised event is one line');
  }
  for (const command of commands) {
    if (command.continueWith) assertHandsOn(request, command);
  }
  if (commands.length > 1 && new Set(commands.map(({ id }) => id)).size < commands.length)
    throw new Error('commit: the same command id twice in one request');
}

function assertHandsOn(request: CommitRequest, { id, acknowledge }: CommitCommand): void {
  if (
    acknowledge?.item !== 'task' ||
    acknowledge.key.runId !== request.key.runId ||
    acknowledge.key.tenant !== request.key.tenant
  )
    throw new Error(`commit: continueWith of ${id} needs an acknowledged task of the same run`);
}

/**
 * Whether an earlier command of the request acknowledges the item of command `index` too: one lease ends once,
 * so the later one is answered `leaseLost`.
 */
export function isAcknowledgedEarlier(commands: readonly CommitCommand[], index: number): boolean {
  const lease = commands[index]?.acknowledge;
  if (!lease) return false;
  return commands
    .slice(0, index)
    .some(
      ({ acknowledge: earlier }) =>
        earlier?.item === lease.item &&
        earlier.id === lease.id &&
        earlier.key.runId === lease.key.runId &&
        earlier.key.tenant === lease.key.tenant,
    );
}
