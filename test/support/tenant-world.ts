import { SCOPES, type Scope } from '../../src/application/access/access.ts';
import { createApplication, type Application } from '../../src/application/application.ts';
import { hashOfKey } from '../../src/application/access/api-keys.ts';
import type { CallContext } from '../../src/application/use-case.ts';
import type { OpenBreaker } from '../../src/ports/breakers.ts';
import { createWorkbench, valueOf, type Workbench } from '../application/workbench.ts';

/** Stands in everything that the tenant acme has: whoever else is told of it was told too much. */
export const CANARY = 'canary';

/** What callers name: ids that acme has, or as many that nobody has. */
export interface Ids {
  readonly runId: string;
  readonly step: string;
  readonly task: string;
  readonly approvalId: string;
  readonly checkpointId: string;
  readonly workflow: string;
  readonly agentId: string;
  readonly capability: string;
  readonly consumer: string;
  readonly topic: string;
  readonly messageId: string;
  readonly keyId: string;
  readonly keyName: string;
  readonly idempotencyKey: string;
}

export interface TenantWorld {
  readonly bench: Workbench;
  readonly application: Application;
  readonly acme: CallContext;
  /** Whose ids they are, acme knows. */
  readonly ids: Ids;
  /** Places in lists and in the feed, as acme was given them. */
  readonly cursors: { readonly runs: string; readonly feed: string };
}

const DEFINITION = `
name: canary-flow
description: what the canary does
steps:
  - id: canary_work
    uses: agent
    with: { capability: canary-cap, instructions: Sing like a canary. }
  - { id: canary_gate, uses: approval, with: { question: Does the canary sing?, approvers: [canary-anna] } }
  - { id: canary_build, uses: shell, with: { command: [make, canary] } }
  - { id: canary_said, uses: transform, with: { text: the canary sang } }
`;

const BREAKER: OpenBreaker = {
  target: 'acme/host:canary',
  state: 'open',
  failures: 5,
  sinceMs: 0,
  nextProbeAtMs: 1,
  lastError: 'the canary is silent',
};

export function contextOf(
  bench: Workbench,
  tenant: string,
  scopes: Iterable<Scope> = SCOPES,
): CallContext {
  return { ...bench.context, tenant, scopes: new Set(scopes), actor: `key:${tenant}` };
}

/** A store in which acme has one of everything, all of it under way. Two of them are alike to the last id. */
export async function createTenantWorld(): Promise<TenantWorld> {
  const bench = createWorkbench();
  const breakers = {
    enter: () => ({ kind: 'refused', breaker: BREAKER }) as const,
    find: () => BREAKER,
    list: () => [BREAKER],
  };
  const application = createApplication({ ...bench.ports, breakers });
  const acme = { ...contextOf(bench, 'acme'), actor: 'client:canary' };
  const world = { bench, application, acme };
  const runs = await startRuns(world);
  const task = await workAsAgent(world);
  const talk = await talkOfRuns(world, runs.runId);
  await announceWorker(world, runs.runId);
  const key = valueOf(
    await application.createKey(acme, { name: 'canary-key', scopes: ['admin', 'runs:read'] }),
  );
  const page = valueOf(await application.listWorkflows(acme, { limit: 1 }));
  return {
    ...world,
    ids: {
      ...{ ...runs, ...talk, task, keyId: key.id, keyName: 'canary-key' },
      ...{ workflow: 'canary-flow', step: 'canary_work', capability: 'canary-cap' },
      ...{ agentId: 'canary-agent', topic: 'canary.songs', messageId: 'canary-message' },
      ...{ consumer: 'canary-consumer', idempotencyKey: 'canary-idempotency' },
    },
    cursors: { runs: page.next_cursor ?? '', feed: await bench.store.feedEnd() },
  };
}

type Bare = Pick<TenantWorld, 'bench' | 'application' | 'acme'>;

async function startRuns({ application, acme }: Bare): Promise<Pick<Ids, 'runId'>> {
  valueOf(await application.registerWorkflow(acme, { definition: DEFINITION }));
  const start = async (idempotency_key: string): Promise<string> => {
    const input = { workflow: 'canary-flow', input: { of: CANARY }, idempotency_key };
    return valueOf(await application.startWorkflow(acme, input)).run_id;
  };
  await start('canary-first');
  return { runId: await start('canary-idempotency') };
}

async function workAsAgent({ application, acme }: Bare): Promise<string> {
  const agent = { agent_id: 'canary-agent', capabilities: ['canary-cap'] };
  valueOf(await application.registerAgent(acme, { ...agent, description: 'a canary' }));
  const claim = { ...agent, wait_seconds: 0 };
  // Of two runs; the other one's task stays in the queue.
  const { task } = valueOf(await application.claimTask(acme, claim));
  if (task === undefined) throw new Error('acme’s agent was given nothing');
  const report = { task: task.task, action: 'heartbeat', payload: { sang: CANARY } } as const;
  valueOf(await application.reportTask(acme, report));
  return task.task;
}

async function talkOfRuns(
  { application, acme }: Bare,
  run_id: string,
): Promise<Pick<Ids, 'approvalId' | 'checkpointId'>> {
  const question = { run_id, question: 'May the canary sing?', wait_seconds: 0 };
  const asked = valueOf(await application.requestApproval(acme, question));
  const point = { run_id, name: 'canary-point', note: 'the canary sat here' };
  const { checkpoint_id } = valueOf(await application.createCheckpoint(acme, point));
  const message = { topic: 'canary.songs', id: 'canary-message', body: { song: CANARY } };
  valueOf(await application.publishMessage(acme, message));
  const consumer = { consumer: 'canary-consumer', topics: ['canary.>'] };
  valueOf(await application.consumeTopics(acme, consumer, { onPage: () => Promise.resolve() }));
  return { approvalId: asked.approval_id, checkpointId: checkpoint_id };
}

async function announceWorker({ bench }: Bare, runId: string): Promise<void> {
  const presence = {
    ...{ workerId: 'worker-1', queues: ['shell:make'], pid: 1, host: 'here' },
    ...{ busy: 1, limit: 2, startedAtMs: 0, breakers: [{ ...BREAKER }] },
    holds: [{ tenant: 'acme', runId, step: 'canary_build', sinceMs: 0 }],
  };
  await bench.store.setValue('workers', 'worker-1', presence, { ttlMs: 1_000_000 });
}

/** Of the same shape as acme's, and nobody's. */
export function idsOfNobody({ ids }: TenantWorld): Ids {
  const runId = 'f'.repeat(ids.runId.length);
  const absent: Ids = {
    runId,
    step: ids.step.replace(CANARY, 'absent'),
    task: ids.task.replace(/^[^~]+/, runId),
    approvalId: ids.approvalId.slice(0, -4) + 'ffff',
    checkpointId: ids.checkpointId.replace(ids.runId, runId),
    workflow: ids.workflow.replace(CANARY, 'absent'),
    agentId: ids.agentId.replace(CANARY, 'absent'),
    capability: ids.capability.replace(CANARY, 'absent'),
    consumer: ids.consumer.replace(CANARY, 'absent'),
    topic: ids.topic.replace(CANARY, 'absent'),
    messageId: ids.messageId.replace(CANARY, 'absent'),
    keyId: `key_${hashOfKey('nobody').slice(0, 10)}`,
    keyName: ids.keyName.replace(CANARY, 'absent'),
    idempotencyKey: ids.idempotencyKey.replace(CANARY, 'absent'),
  };
  const names = Object.keys(ids) as (keyof Ids)[]; // has no others
  const same = names.find((name) => absent[name] === ids[name]);
  if (same !== undefined) throw new Error(`"${same}" is acme's`);
  return absent;
}

/** What somebody was told, with the ids that they named themselves taken out. */
export function toldBeside(ids: Ids, told: unknown = null): string {
  let text = JSON.stringify(told);
  const named: [name: string, id: string][] = Object.entries(ids);
  for (const [name, id] of named.sort(([, a], [, b]) => b.length - a.length))
    text = text.replaceAll(id, `<${name}>`);
  // Of a document that holds the ids.
  return text.replaceAll(/\b[0-9a-f]{64}\b/g, '<hash>');
}

/** Everything acme can see of what it has. */
export async function viewOfAcme({ application, acme, ids, bench }: TenantWorld): Promise<string> {
  const { runId: run_id } = ids;
  const consumers = await bench.store.listValues('bus_consumers');
  const feed: unknown[] = [];
  await application.followTopics(acme, { after: 'oldest' }, (page) => {
    feed.push(page.messages);
    return Promise.resolve();
  });
  return JSON.stringify([
    await application.getWorkflow(acme, { run_id }),
    await application.explainWorkflow(acme, { run_id }),
    await application.getWorkflowHistory(acme, { run_id }),
    await application.listWorkflows(acme, {}),
    await application.listInbox(acme, {}),
    await application.listAgents(acme, {}),
    await application.listCatalog(acme, {}),
    await application.listCheckpoints(acme, {}),
    await application.getDefinition(acme, { workflow: ids.workflow }),
    await application.listKeys(acme, {}),
    await application.getHealth(acme, {}),
    await bench.store.openWork({ tenant: 'acme', runId: run_id }),
    consumers.filter(({ key }) => key.startsWith('acme/')),
    feed,
  ]);
}
