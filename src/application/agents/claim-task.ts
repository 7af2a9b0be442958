import { z } from 'zod';
import { agentQueue } from '../../domain/definition/agent-kind.ts';
import { stepById } from '../../domain/plan.ts';
import { UnreadableEventError } from '../../domain/upcast.ts';
import type { ClaimedTask, Lease } from '../../ports/work-source.ts';
import { admitTask, type AdmittedTask } from '../engine/admit-task.ts';
import { claimUnlessHeldBack, type HeldBack } from './agent-trial.ts';
import { agentIdSchema, capabilitiesSchema, ownerOf } from './agent-names.ts';
import { noteAgent, settleLastClaim, type AgentRecord } from './agent-registry.ts';
import { AGENT_LEASE_MS, describeTask, type AgentTask } from './agent-task.ts';
import { MAX_WAIT_SECONDS, wholeNumberSchema } from '../call-arguments.ts';
import { countLapsedClaims } from './lapsed-claims.ts';
import { translatingErrors } from '../commands/outcome-error.ts';
import { readTaskToken, writeTaskToken } from './task-token.ts';
import { newCursor } from '../new-cursor.ts';
import { readStoredQueue, storedQueue } from '../access/tenant-names.ts';
import type { ApplicationPorts, CallContext, UseCase } from '../use-case.ts';
import { targetOfQueue } from './handover-target.ts';
import { WakeSignal } from '../engine/wake-signal.ts';

const DEFAULT_WAIT_SECONDS = 20;
/** Should a change go unannounced. */
const MAX_PAUSE_MS = 5_000;
/** For which a call goes on past its time while it finds work. */
const MAX_LATE_MS = 1_000;
/** Until the claim is noted for a repetition of its answer: a process that dies before that delays the task by no more. */
const CLAIM_LEASE_MS = 30_000;

export const claimTaskInputSchema = z.object({
  agent_id: agentIdSchema,
  capabilities: capabilitiesSchema.optional().describe('What you can do; default: as registered'),
  cursor: z.string().max(100).optional().describe('next_cursor of the last answer'),
  wait_seconds: wholeNumberSchema(0, MAX_WAIT_SECONDS)
    .optional()
    .describe(`Default ${DEFAULT_WAIT_SECONDS}`),
});
export type ClaimTaskInput = z.infer<typeof claimTaskInputSchema>;

/** A program that renews by itself claims for less, so that its death is noticed sooner. Default: 15 min. */
export interface ClaimOptions {
  readonly leaseMs?: number;
}

export interface ClaimAnswer {
  readonly agent_id: string;
  readonly capabilities: readonly string[];
  /** Absent: none came in time. */
  readonly task?: AgentTask;
  /** The task was given before, to a call with the same cursor. */
  readonly repeated?: true;
  /** Nothing was looked for: the agent's last tasks all failed, and the next one is a trial. */
  readonly held_back?: HeldBack;
  /** Differs on every answer: some clients stop at the fifth identical call. */
  readonly next_cursor: string;
}

/**
 * Waits for a task that one of the agent's capabilities, or its id, answers to, and leases it to the agent for 15 minutes
 * (or the step's `heartbeat`), renewed by each heartbeat. An agent that is not known is registered. The same cursor (or
 * none) again gives the same task for as long as it is held, so that a lost answer loses no task; of two calls under one
 * cursor at once each may get one, and the agent hears of one. If this process dies midway, the task goes to the next
 * agent after 30 s at most; if the agent vanishes, when its lease runs out.
 */
export function createClaimTask(
  ports: ApplicationPorts,
): UseCase<ClaimTaskInput & ClaimOptions, ClaimAnswer> {
  return (context, input) =>
    translatingErrors<ClaimAnswer>('unknown', async () => {
      const agent = { tenant: context.tenant, agentId: input.agent_id };
      const record = await noteAgent(ports, agent, {
        client: context.actor,
        ...(input.capabilities && { capabilities: input.capabilities }),
      });
      const claim = new Claim(ports, context, record, input);
      const untilMs = ports.clock.now() + (input.wait_seconds ?? DEFAULT_WAIT_SECONDS) * 1_000;
      const again = await claim.repeat();
      if (!again) await countLapsedClaims(ports, agent, record);
      const entry = again
        ? { task: again }
        : await claimUnlessHeldBack(ports, context, { agent, untilMs }, () => claim.wait(untilMs));
      const late =
        entry.task || entry.heldBack ? undefined : await claimedMeanwhile(ports, context, input);
      const task = entry.task ?? late;
      return {
        ok: true,
        value: {
          agent_id: record.agentId,
          capabilities: record.capabilities,
          ...(task && { task }),
          ...(entry.heldBack && { held_back: entry.heldBack }),
          ...((again ?? late) && { repeated: true }),
          next_cursor: newCursor(ports),
        },
      };
    });
}

/** What the same call, sent before and still under way when this one came, was given. */
async function claimedMeanwhile(
  ports: ApplicationPorts,
  context: CallContext,
  input: ClaimTaskInput & ClaimOptions,
): Promise<AgentTask | undefined> {
  // Without a cursor nobody can tell a repetition from another call of an agent of that name.
  if (input.cursor === undefined || context.signal?.aborted === true) return undefined;
  const agent = { tenant: context.tenant, agentId: input.agent_id };
  return new Claim(ports, context, await noteAgent(ports, agent, {}), input).repeat();
}

class Claim {
  readonly #ports: ApplicationPorts;
  readonly #context: CallContext;
  readonly #agent: AgentRecord;
  readonly #cursor: string;
  readonly #owner: string;
  readonly #leaseMs: number;

  constructor(
    ports: ApplicationPorts,
    context: CallContext,
    agent: AgentRecord,
    { cursor = '', leaseMs = AGENT_LEASE_MS }: ClaimTaskInput & ClaimOptions,
  ) {
    this.#ports = ports;
    this.#context = context;
    this.#agent = agent;
    this.#cursor = cursor;
    this.#leaseMs = leaseMs;
    this.#owner = ownerOf(agent.agentId);
  }

  /** The task that an earlier call with this cursor was given, if the agent still holds it. */
  async repeat(): Promise<AgentTask | undefined> {
    const { lastClaim } = this.#agent;
    if (lastClaim?.cursor !== this.#cursor) return undefined;
    const { store, runs } = this.#ports;
    const held = readTaskToken(store.secret, this.#context.tenant, lastClaim.task);
    const run = held && (await unlessUnreadable(runs.refresh(held.lease.key)));
    if (held === undefined || run === undefined) return undefined;
    const step = stepById(run.plan, held.lease.id);
    const record = step && run.state.steps.get(step.index);
    if (step === undefined || record?.status !== 'scheduled' || record.attempt !== held.attempt)
      return undefined;
    const leaseMs = step.heartbeatMs ?? this.#leaseMs;
    const renewed = await store.renew(held.lease, leaseMs);
    if (renewed.kind === 'leaseLost' || renewed.cancelRequested) return undefined;
    // The call that claimed it may find its caller gone and give it back at this moment.
    if (!(await this.#settle(lastClaim.task, 'repeated'))) return undefined;
    const open = (await store.openWork(held.lease.key)).tasks.find(({ slot }) => slot === step.id);
    const task = { ...held, heartbeat: open?.heartbeat, lease: renewed.lease };
    return describeTask(lastClaim.task, task, { run, step, record }, leaseMs);
  }

  async wait(untilMs: number): Promise<AgentTask | undefined> {
    const { store, clock } = this.#ports;
    const signal = this.#context.signal ?? new AbortController().signal;
    const wake = new WakeSignal(clock);
    const unsubscribe = store.onChange(({ work }) => {
      if (work) wake.wake();
    });
    const unreadable: Lease[] = [];
    try {
      for (;;) {
        const { work, nextDueAtMs = Infinity } = await this.#claimOne();
        const task = work[0] && (await this.#acceptReadable(work[0], signal, unreadable));
        if (task !== undefined) return task;
        const nowMs = clock.now();
        // Behind a task that nobody wanted another may stand, for a call that does not wait too.
        const lateMs = work.length > 0 ? MAX_LATE_MS : 0;
        if (nowMs >= untilMs + lateMs || signal.aborted) return undefined;
        if (work.length > 0) continue;
        const wakeAtMs = Math.min(untilMs, nowMs + MAX_PAUSE_MS, nextDueAtMs);
        await wake.wait(Math.max(1, wakeAtMs - nowMs), signal);
      }
    } finally {
      unsubscribe();
      // Not before: they would come first again and again. A Baton that can read them takes them.
      for (const lease of unreadable) await store.release(lease);
    }
  }

  /** A run that this Baton cannot read keeps nobody from the tasks behind it. */
  async #acceptReadable(
    task: ClaimedTask,
    signal: AbortSignal,
    unreadable: Lease[],
  ): Promise<AgentTask | undefined> {
    try {
      return await this.#accept(task, signal);
    } catch (error) {
      if (!(error instanceof UnreadableEventError)) throw error;
      unreadable.push(task.lease);
      return undefined;
    }
  }

  #claimOne() {
    const { agentId, capabilities } = this.#agent;
    const queues = [
      agentQueue({ agent: agentId }),
      ...capabilities.map((capability) => agentQueue({ capability })),
    ].map((queue) => storedQueue(this.#context.tenant, queue));
    const owner = this.#owner;
    return this.#ports.store.claimTasks({
      owner,
      queues,
      limit: 1,
      leaseDurationMs: CLAIM_LEASE_MS,
    });
  }

  async #accept(task: ClaimedTask, signal: AbortSignal): Promise<AgentTask | undefined> {
    const admission = await admitTask(this.#reporting(), task);
    if (admission.kind === 'settled') return undefined;
    const { run, step, record } = admission;
    const told = { run, step, record };
    const leaseMs = step.heartbeatMs ?? this.#leaseMs;
    const token = writeTaskToken(this.#ports.store.secret, task);
    await this.#note(token, leaseMs);
    const lease = signal.aborted ? undefined : await this.#hold(task.lease, leaseMs);
    if (lease === undefined) {
      // Nobody hears the answer any more, or nobody wants the work.
      if (await this.#settle(token, 'withdrawn')) await this.#giveBack(task, told);
      return undefined;
    }
    return describeTask(token, { ...task, lease }, told, leaseMs);
  }

  async #hold(lease: Lease, leaseMs: number): Promise<Lease | undefined> {
    const renewed = await this.#ports.store.renew(lease, leaseMs);
    return renewed.kind === 'renewed' && !renewed.cancelRequested ? renewed.lease : undefined;
  }

  /**
   * An unsafe effect was marked as begun; that nobody began it only this process knows. What was handed over with the
   * task stays with it.
   */
  async #giveBack(task: ClaimedTask, { step, record }: AdmittedTask): Promise<void> {
    if (step.effect !== 'unsafe') return this.#ports.store.release(task.lease);
    await this.#ports.execute(task.lease.key, {
      command: {
        type: 'HandOverTask',
        step: task.slot,
        attempt: task.attempt,
        to: targetOfQueue(readStoredQueue(task.queue).name) ?? { kind: 'person' },
        from: record.handover?.from ?? this.#owner,
        note: record.handover?.note ?? 'was never begun: the agent was gone before it had the task',
      },
      commandId: `giveBack:${task.slot}#${task.attempt}@${task.lease.fence}`,
      actor: this.#owner,
      causationId: this.#context.causationId,
      acknowledge: task.lease,
    });
  }

  #settle(task: string, to: 'repeated' | 'withdrawn'): Promise<boolean> {
    const agent = { tenant: this.#context.tenant, agentId: this.#agent.agentId };
    return settleLastClaim(this.#ports, agent, task, to);
  }

  #note(task: string, leaseMs: number): Promise<AgentRecord> {
    const agent = { tenant: this.#context.tenant, agentId: this.#agent.agentId };
    const lastClaim = { cursor: this.#cursor, task };
    return noteAgent(this.#ports, agent, { lastClaim }, this.#ports.clock.now() + leaseMs);
  }

  #reporting() {
    const { store, execute, runs, clock } = this.#ports;
    return {
      store,
      execute,
      runs,
      clock,
      owner: this.#owner,
      actor: this.#owner,
      leaseDurationMs: CLAIM_LEASE_MS,
      canContinue: () => false,
    };
  }
}

async function unlessUnreadable<Value>(read: Promise<Value>): Promise<Value | undefined> {
  try {
    return await read;
  } catch (error) {
    if (error instanceof UnreadableEventError) return undefined;
    throw error;
  }
}
