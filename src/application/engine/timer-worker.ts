import type { Command } from '../../domain/commands.ts';
import { isTimeoutTimer, timerIdOf } from '../../domain/effects.ts';
import type { Json } from '../../domain/json.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Logger } from '../../ports/logger.ts';
import { StoreUnavailableError } from '../../ports/run-store.ts';
import type { Store } from '../../ports/store.ts';
import type { EngineWork } from '../../ports/work-source.ts';
import type { ExecuteCommand } from '../commands/execute-command.ts';
import { relayMessage } from './message-relay.ts';
import { PendingCalls } from './pending-calls.ts';
import { WakeSignal } from './wake-signal.ts';
import { runWorkLoop } from './work-loop.ts';

/** Few, so that even the costliest decisions of all of them (some 0.3 s each) end well within the lease. */
const MAX_CLAIMED = 16;
const LEASE_DURATION_MS = 10_000;

/**
 * Does the engine's own work for any run: fires due timers, reports recalled tasks, relays messages. Every Baton
 * process runs one; the leases divide the work. If the process dies, what it held is claimed again after the lease.
 */
export async function runTimerWorker(ports: {
  readonly store: Store;
  readonly execute: ExecuteCommand;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly owner: string;
  readonly signal: AbortSignal;
  readonly calls?: PendingCalls;
}): Promise<void> {
  const { store, clock, logger, owner, signal, calls = new PendingCalls(clock) } = ports;
  const wake = new WakeSignal(clock);
  const unsubscribe = store.onChange((change) => {
    if (change.work) wake.wake();
  });
  try {
    await runWorkLoop<readonly EngineWork[]>({
      clock,
      wake,
      signal,
      logger,
      claim: async () => {
        const request = { owner, limit: MAX_CLAIMED, leaseDurationMs: LEASE_DURATION_MS };
        const claimed = await calls.track(() => store.claimEngineWork(request));
        return { ...claimed, work: claimed.work.length === 0 ? [] : [claimed.work] };
      },
      // Together, so that they share commits; all done before the next claim, so that the lease bounds the pile.
      perform: async (works) => {
        await Promise.all(works.map((work) => performOrLeave(ports, work)));
      },
    });
  } finally {
    unsubscribe();
  }
}

/** A defect of one run must not end the engine for all: its work is tried again when the lease has run out. */
async function performOrLeave(
  ports: Parameters<typeof runTimerWorker>[0],
  work: EngineWork,
): Promise<void> {
  try {
    await performOne(ports, work);
  } catch (error) {
    const { runId } = work.lease.key;
    if (error instanceof StoreUnavailableError)
      return ports.logger.warn(
        { runId, kind: work.kind },
        'store unavailable; claimed again later',
      );
    ports.logger.error({ error: String(error), runId, kind: work.kind }, 'engine work failed');
  }
}

async function performOne(
  ports: Parameters<typeof runTimerWorker>[0],
  work: EngineWork,
): Promise<void> {
  if (work.kind === 'message') return relayMessage(ports, work);
  const { command, commandId, causationId } = await commandFor(ports.store, work);
  const outcome = await ports.execute(work.lease.key, {
    command,
    commandId,
    causationId,
    actor: 'engine',
    acknowledge: work.lease,
  });
  switch (outcome.kind) {
    case 'committed':
    case 'leaseLost': // another process does it
    case 'unavailable': // claimed again when the lease ends
      return;
    default:
      // Recorded before, or of no run that exists: nothing is left to do for it.
      ports.logger.debug({ outcome: outcome.kind, commandId }, 'dropped engine work');
      await ports.store.discard(work.lease);
  }
}

async function commandFor(
  store: Store,
  work: Exclude<EngineWork, { kind: 'message' }>,
): Promise<{
  command: Command;
  commandId: string;
  causationId: string;
}> {
  if (work.kind === 'timer')
    return {
      command: { type: 'FireTimer', timerId: work.timerId, ...(await leftBehind(store, work)) },
      commandId: `timer:${work.timerId}`,
      causationId: `timer:${work.timerId}`,
    };
  const { slot, attempt } = work;
  return {
    command: { type: 'ReportCancelled', step: slot, attempt },
    commandId: `recalled:${slot}#${attempt}`,
    causationId: `task:${slot}#${attempt}`,
  };
}

/** What the agent whose time is up has left to resume from: only the store knows it, and forgets it with the task. */
async function leftBehind(
  store: Store,
  { timerId, lease }: Extract<EngineWork, { kind: 'timer' }>,
): Promise<{ heartbeat?: Json }> {
  if (!isTimeoutTimer(timerId)) return {};
  const { tasks } = await store.openWork(lease.key);
  const open = tasks.find(({ slot, attempt }) => timerIdOf('timeout', slot, attempt) === timerId);
  return open?.heartbeat === undefined ? {} : { heartbeat: open.heartbeat };
}
