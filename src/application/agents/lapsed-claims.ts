import { stepById } from '../../domain/plan.ts';
import { UnreadableEventError } from '../../domain/upcast.ts';
import { AgentBreaker, type AgentKey } from './agent-breaker.ts';
import { ownerOf } from './agent-names.ts';
import { changeUnsettled, type AgentRecord } from './agent-registry.ts';
import { readTaskToken, type HeldTask } from './task-token.ts';
import type { ApplicationPorts } from '../use-case.ts';

type Claim = NonNullable<AgentRecord['unsettled']>[number];
type Fate =
  { readonly kind: 'held'; readonly untilMs: number } | { readonly kind: 'lapsed' | 'over' };

/**
 * Looks what became of the tasks whose lease should have run out by now, and counts against the agent those that it let
 * lapse. Asked when it next claims: nobody else hears of a lease that runs out.
 */
export async function countLapsedClaims(
  ports: ApplicationPorts,
  agent: AgentKey,
  { unsettled = [] }: AgentRecord,
): Promise<void> {
  const due = unsettled.filter(({ untilMs }) => untilMs <= ports.clock.now());
  if (due.length === 0) return;
  const fates = new Map<string, Fate>();
  for (const claim of due) fates.set(claim.task, await fateOf(ports, agent, claim));
  await changeUnsettled(ports, agent, (claims) =>
    claims.flatMap((claim) => {
      const fate = fates.get(claim.task);
      if (fate === undefined) return claim;
      return fate.kind === 'held' ? { ...claim, untilMs: fate.untilMs } : [];
    }),
  );
  const breaker = new AgentBreaker(ports, agent);
  for (const [task, { kind }] of fates)
    if (kind === 'lapsed') await breaker.failed(task, 'let the lease of a task run out');
}

async function fateOf(ports: ApplicationPorts, agent: AgentKey, claim: Claim): Promise<Fate> {
  const held = readTaskToken(ports.store.secret, agent.tenant, claim.task);
  if (held === undefined) return { kind: 'over' };
  try {
    return await fateOfTask(ports, ownerOf(agent.agentId), held);
  } catch (error) {
    if (error instanceof UnreadableEventError) return { kind: 'over' };
    throw error;
  }
}

async function fateOfTask(
  { store, runs, clock }: ApplicationPorts,
  owner: string,
  { lease, attempt }: HeldTask,
): Promise<Fate> {
  const run = await runs.refresh(lease.key);
  const step = run && stepById(run.plan, lease.id);
  const record = step && run.state.steps.get(step.index);
  if (record === undefined || run?.state.run.status.startsWith('cancel')) return { kind: 'over' };
  if (record.status === 'scheduled' && record.attempt === attempt) {
    const open = (await store.openWork(lease.key)).tasks.find(({ slot }) => slot === lease.id);
    const mine = open?.lease?.owner === owner ? open.lease : undefined;
    if (mine !== undefined && mine.expiresAtMs > clock.now())
      return { kind: 'held', untilMs: mine.expiresAtMs };
    return { kind: record.handover === undefined ? 'lapsed' : 'over' };
  }
  // A time limit ends an attempt without a report, and leaves the performer of the one before in the record.
  const isTimedOut = record.attempt === attempt && record.error?.code === 'timeout';
  if (isTimedOut && record.status !== 'completed') return { kind: 'lapsed' };
  const isAnothers = record.status === 'completed' && record.worker !== owner;
  return { kind: isAnothers && record.attempt === attempt ? 'lapsed' : 'over' };
}
