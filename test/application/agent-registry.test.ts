import { beforeEach, describe, expect, it } from 'vitest';
import {
  AGENT_PRESENCE_MS,
  listAgents,
  MANY_AGENTS,
  noteAgent,
  recentAgents,
} from '../../src/application/agents/agent-registry.ts';
import { AgentBench, reviewing } from './agent-bench.ts';
import { valueOf } from './workbench.ts';

let bench: AgentBench;

beforeEach(() => {
  bench = new AgentBench();
});

const DAY_MS = 86_400_000;
const AGENT = { tenant: 'default', agentId: 'first' };

async function registered() {
  return valueOf(await bench.here.application.listAgents(bench.context, {})).agents;
}

describe('an agent', () => {
  it('is registered by its first claim, with what it can do', async () => {
    const { capabilities } = await bench.claim('first', { capabilities: ['review', 'fix'] });
    expect(capabilities).toEqual(['review', 'fix']);
    expect(await registered()).toEqual([
      {
        agent_id: 'first',
        capabilities: ['review', 'fix'],
        client: 'client:test',
        status: 'present',
        last_seen_at: new Date(bench.clock.now()).toISOString(),
      },
    ]);
  });

  it('keeps its capabilities where a claim names none, and has others where it does', async () => {
    await bench.claim('first', { capabilities: ['review'] });
    expect((await bench.claim('first')).capabilities).toEqual(['review']);
    expect((await bench.claim('first', { capabilities: ['fix'] })).capabilities).toEqual(['fix']);
    expect((await bench.claim('first', { capabilities: [] })).capabilities).toEqual([]);
    expect((await bench.claim('first')).capabilities).toEqual([]);
  });

  it('claims with the capabilities it registered before, through another process', async () => {
    const { application } = bench.here;
    const input = { agent_id: 'first', capabilities: ['review'], description: 'Reads diffs' };
    const made = valueOf(await application.registerAgent(bench.context, input));
    expect(made).toMatchObject({ description: 'Reads diffs', status: 'present' });
    expect(made.next).toEqual(['claim_task {"agent_id":"first","capabilities":["review"]}']);
    await bench.start(reviewing());
    expect(await bench.claim('first', {}, bench.there)).toHaveProperty('task');
  });

  it('keeps its description and its last claim when it registers anew', async () => {
    const { application } = bench.here;
    const more = { description: 'Reads diffs', capabilities: ['review'] };
    await application.registerAgent(bench.context, { agent_id: 'first', ...more });
    await bench.start(reviewing());
    const { task } = await bench.claim('first', { cursor: 'c1' });
    await application.registerAgent(bench.context, { agent_id: 'first', capabilities: ['fix'] });
    expect((await registered())[0]).toMatchObject({ description: 'Reads diffs' });
    const again = await bench.claim('first', { cursor: 'c1' });
    expect(again.task?.task).toBe(task?.task);
  });

  it('is present for 15 minutes after its last word, then away, and known for 30 days', async () => {
    await bench.start(reviewing());
    const task = await bench.task();
    await bench.clock.advance(AGENT_PRESENCE_MS - 1);
    expect((await registered())[0]?.status).toBe('present');
    await bench.accepted(task, { action: 'heartbeat' });
    await bench.clock.advance(AGENT_PRESENCE_MS - 1);
    expect((await registered())[0]?.status).toBe('present');
    await bench.clock.advance(1);
    expect((await registered())[0]?.status).toBe('away');
    await bench.clock.advance(29 * DAY_MS);
    expect(await registered()).toHaveLength(1);
    await bench.clock.advance(DAY_MS);
    expect(await registered()).toEqual([]);
  });

  it('of another tenant is another agent', async () => {
    const theirs = { ...bench.context, tenant: 'theirs' };
    const input = { agent_id: 'first', capabilities: ['spy'], wait_seconds: 0 };
    await bench.outlast(bench.here.application.claimTask(theirs, input));
    await bench.claim('first', { capabilities: ['review'] });
    expect((await registered()).map(({ capabilities }) => capabilities)).toEqual([['review']]);
    const there = valueOf(await bench.here.application.listAgents(theirs, {}));
    expect(there.agents.map(({ capabilities }) => capabilities)).toEqual([['spy']]);
  });

  it('that says nothing new soon after its last word writes nothing', async () => {
    const writes: string[] = [];
    bench.here.faults.fate = (operation) => {
      if (operation === 'setValue') writes.push(operation);
      return 'proceed';
    };
    const change = { capabilities: ['review'], client: 'client:test' };
    await noteAgent(bench.here.ports, AGENT, change);
    await noteAgent(bench.here.ports, AGENT, change);
    await noteAgent(bench.here.ports, AGENT, {});
    expect(writes).toHaveLength(1);
    await bench.clock.advance(30_000);
    await noteAgent(bench.here.ports, AGENT, {});
    expect(writes).toHaveLength(2);
  });

  it('registered by two processes at once loses nothing of what either said', async () => {
    await Promise.all([
      noteAgent(bench.here.ports, AGENT, { capabilities: ['review'] }),
      noteAgent(bench.there.ports, AGENT, { description: 'Reads diffs' }),
    ]);
    expect(await listAgents(bench.here.store, 'default')).toMatchObject([
      { agentId: 'first', capabilities: ['review'], description: 'Reads diffs' },
    ]);
  });

  it('that works on 64 tasks at once is registered for each of them', async () => {
    for (let run = 0; run < 64; run += 1) await bench.start(reviewing());
    const claims = Array.from({ length: 64 }, (_, at) =>
      bench.task('first', { cursor: `slot-${at}` }, at % 2 === 0 ? bench.here : bench.there),
    );
    const runs = (await Promise.all(claims)).map(({ run_id }) => run_id);
    expect(new Set(runs).size).toBe(64);
  });
});

describe('agents that are asked for with every start', () => {
  let reads: number;

  function counted() {
    const { store, clock } = bench.here.ports;
    reads = 0;
    const listValues: typeof store.listValues = (namespace) => {
      reads += 1;
      return store.listValues(namespace);
    };
    return { store: { ...store, listValues }, clock };
  }

  async function register(ports: Parameters<typeof noteAgent>[0], count: number): Promise<void> {
    for (let index = 0; index < count; index += 1)
      await noteAgent(ports, { tenant: 'default', agentId: `agent-${index}` }, {});
  }

  it('are read anew where they are few', async () => {
    const ports = counted();
    await register(ports, MANY_AGENTS);
    await recentAgents(ports, 'default');
    await noteAgent(bench.there.ports, AGENT, {});
    expect(await recentAgents(ports, 'default')).toHaveLength(MANY_AGENTS + 1);
    expect(reads).toBe(2);
  });

  it('are read once in five seconds where they are many', async () => {
    const ports = counted();
    await register(ports, MANY_AGENTS + 1);
    const agents = await recentAgents(ports, 'default');
    expect(agents).toHaveLength(MANY_AGENTS + 1);
    await noteAgent(bench.there.ports, AGENT, {});
    await bench.clock.advance(4_999);
    expect(await recentAgents(ports, 'default')).toBe(agents);
    expect(reads).toBe(1);
    await bench.clock.advance(1);
    const later = await Promise.all([1, 2].map(() => recentAgents(ports, 'default')));
    expect(later.map(({ length }) => length)).toEqual([MANY_AGENTS + 2, MANY_AGENTS + 2]);
    expect(reads).toBe(2);
  });

  it('are read again after this process registered one, not after a word of one that is known', async () => {
    const ports = counted();
    await register(ports, MANY_AGENTS + 1);
    await recentAgents(ports, 'default');
    await bench.clock.advance(30_000);
    await recentAgents(ports, 'default');
    await noteAgent(ports, { tenant: 'default', agentId: 'agent-1' }, {});
    await recentAgents(ports, 'default');
    expect(reads).toBe(2);
    await noteAgent(ports, AGENT, { capabilities: ['review'] });
    const after = await recentAgents(ports, 'default');
    expect(after.find(({ agentId }) => agentId === 'first')?.capabilities).toEqual(['review']);
    await noteAgent(ports, AGENT, { capabilities: ['fix'] });
    const changed = await recentAgents(ports, 'default');
    expect(changed.find(({ agentId }) => agentId === 'first')?.capabilities).toEqual(['fix']);
  });

  it('are asked for again after the store was away', async () => {
    const ports = counted();
    await register(ports, MANY_AGENTS + 1);
    await recentAgents(ports, 'default');
    await bench.clock.advance(5_000);
    let isAway = true;
    bench.here.faults.fate = (operation) =>
      operation === 'listValues' && isAway ? 'fail' : 'proceed';
    await expect(recentAgents(ports, 'default')).rejects.toThrow();
    isAway = false;
    expect(await recentAgents(ports, 'default')).toHaveLength(MANY_AGENTS + 1);
  });
});

describe('the catalogue', () => {
  it('lists agents with what they can do', async () => {
    await bench.claim('first', { capabilities: ['review'] });
    const { application } = bench.here;
    const { agents } = valueOf(await application.listCatalog(bench.context, { kind: 'agents' }));
    expect(agents).toMatchObject([{ agent_id: 'first', capabilities: ['review'] }]);
  });

  it('describes the step kinds of agents and people', async () => {
    const { application } = bench.here;
    for (const name of ['agent', 'approval']) {
      const { step_kind } = valueOf(await application.listCatalog(bench.context, { name }));
      expect(step_kind?.name).toBe(name);
      expect(JSON.stringify(step_kind?.input_schema)).toMatch(/instructions|question/);
    }
  });
});
