import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createWorkbench, type Workbench } from '../application/workbench.ts';
import { wide } from '../application/definitions.ts';
import { connect, fieldOf, textOf, unbarred, type Session } from './connect.ts';

/** As many as one decision starts: the bench fires no timers. */
const STEPS = 250;
/** What Cline shows of a result, text and structured content together. */
const SHOWN_CHARS = 8_000;

describe('a run of 250 steps', () => {
  let bench: Workbench;
  let run_id: string;

  beforeAll(async () => {
    bench = createWorkbench();
    await bench.register(wide(STEPS));
    run_id = await bench.start('wide');
    const signal = { run_id, name: 'go', payload: 'x'.repeat(20_000) };
    await bench.application.signalWorkflow(bench.context, signal);
  });

  it.each(['get_workflow', 'await_workflow', 'explain_workflow', 'get_workflow_history'])(
    '%s stays within what every client shows, in many lines',
    async (name) => {
      const session = await connect({ bench });
      const result = await session.call(name, { run_id });
      expect(JSON.stringify(result).length).toBeLessThan(SHOWN_CHARS);
      const lines = textOf(result).split('\n');
      expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(1_500);
    },
  );

  it('while it stands still, is explained within the same size', async () => {
    const still = createWorkbench();
    await still.register(wide(STEPS));
    const session = await connect({ bench: still });
    const waiting = await still.start('wide');
    const result = await session.call('explain_workflow', { run_id: waiting });
    expect(JSON.stringify(result).length).toBeLessThan(SHOWN_CHARS);
    expect(textOf(result)).toMatch(/- and \d+ more step\(s\)/);
    expect(textOf(result)).toContain('signal_workflow');
  });

  it('shows every step over the pages of get_workflow', async () => {
    const session = await connect({ bench });
    const seen: string[] = [];
    let pages = 0;
    for (let offset: number | undefined = 0; offset !== undefined; pages += 1) {
      const result = await session.call('get_workflow', { run_id, offset });
      expect(JSON.stringify(result).length).toBeLessThan(SHOWN_CHARS);
      const text = textOf(result);
      seen.push(...(text.match(/^step_number_\d+/gm) ?? []));
      const more = /more: get_workflow .*"offset":(\d+)/.exec(text);
      offset = more ? Number(more[1]) : undefined;
    }
    expect(new Set(seen).size).toBe(STEPS);
    expect(seen).toHaveLength(STEPS);
    expect(pages).toBeLessThan(6);
  });

  it('shows every event over the pages of get_workflow_history', async () => {
    const session = await connect({ bench });
    const seen: number[] = [];
    let from: unknown = 1;
    while (from !== undefined) {
      const result = await session.call('get_workflow_history', { run_id, from, limit: 100 });
      expect(JSON.stringify(result).length).toBeLessThan(SHOWN_CHARS);
      seen.push(...(textOf(result).match(/^\d+(?= 20)/gm) ?? []).map(Number));
      from = fieldOf(result, 'next_from');
    }
    const { length } = await bench.events(run_id);
    expect(seen).toEqual(Array.from({ length }, (_, at) => at + 1));
  });

  it('is listed, fifty runs a page, within the same size', async () => {
    for (let at = 0; at < 60; at += 1) await bench.start('wide');
    const session = await connect({ bench });
    const result = await session.call('list_workflows', { limit: 50 });
    expect(JSON.stringify(result).length).toBeLessThan(SHOWN_CHARS);
    expect(textOf(result).match(/ wide /g)).toHaveLength(50);
  });

  it('is planned and described within the same size', async () => {
    const session = await connect({ bench });
    const definition = wide(STEPS);
    const planned = await session.call('register_workflow', { definition, dry_run: true });
    expect(JSON.stringify(planned).length).toBeLessThan(SHOWN_CHARS);
    const described = await session.call('list_catalog', { name: 'wide' });
    expect(JSON.stringify(described).length).toBeLessThan(SHOWN_CHARS);
  });
});

describe('a task whose every part is huge', () => {
  /** What a result may take, so that Cline cuts nothing of it. */
  const MAX_CHARS = 7_500;
  // Each line its own, so that a page that leaves one out or shows one twice is seen.
  const linesOf = (word: string, count: number): string =>
    Array.from({ length: count }, (_, at) => `${word} "${at}" \\ \u00e9\u{1f600}`).join('\n');
  const INSTRUCTIONS = linesOf('instruction', 3_000);
  const NOTE = linesOf('note', 150);
  const CONTEXT = linesOf('context', 1_000);
  const LEFT = linesOf('left', 500);
  const properties = Object.fromEntries(
    Array.from({ length: 200 }, (_, at) => [
      `property_number_${at}`,
      { type: 'string', description: `What "${at}" means` },
    ]),
  );
  const HUGE = JSON.stringify({
    name: 'huge',
    input: {},
    steps: [
      {
        id: 'review',
        uses: 'agent',
        retry: { maxAttempts: 9, initialDelay: '1ms', jitter: 'none' },
        with: {
          capability: 'review',
          instructions: '${{ input.instructions }}',
          context: '${{ input.context }}',
          output: { type: 'object', required: Object.keys(properties), properties },
        },
      },
    ],
  });

  let bench: Workbench;
  let session: Session;
  let run_id: string;

  const call = async (name: string, args: Record<string, unknown>): Promise<string> => {
    const result = await session.call(name, args);
    expect([name, JSON.stringify(result).length <= MAX_CHARS]).toEqual([name, true]);
    const text = textOf(result);
    // The last resort for a mistake of a tool: it says nowhere where the rest is.
    expect([name, text.includes('cut: too long for one answer')]).toEqual([name, false]);
    return text;
  };
  const wordOf = (text: string): string => /^task: (\S+)$/m.exec(text)?.[1] ?? '';
  const claim = (agent_id: string) =>
    call('claim_task', { agent_id, capabilities: 'review', wait_seconds: 0 });

  /** Every page of `get_workflow` on the step, put together. */
  async function readWhole(): Promise<string> {
    let whole = '';
    for (let offset: number | undefined = 0, pages = 0; offset !== undefined; pages += 1) {
      const text = await call('get_workflow', { run_id, step: 'review', offset });
      const page = /characters \d+ to (\d+) of (\d+) .*:\n/.exec(text);
      if (page === null || pages > 100) throw new Error(`no page: ${text.slice(0, 500)}`);
      const more = /\nmore: get_workflow .*"offset":(\d+)/.exec(text);
      const from = page.index + page[0].length;
      const body = text.slice(from, more?.index);
      // A page that begins within a line has a bar of its own.
      whole += body.slice(body.length - (Number(page[1]) - offset));
      offset = more ? Number(more[1]) : undefined;
    }
    return unbarred(whole);
  }

  beforeAll(async () => {
    bench = createWorkbench();
    await bench.register(HUGE);
    run_id = await bench.start('huge', { instructions: INSTRUCTIONS, context: CONTEXT });
  });

  beforeEach(async () => {
    session = await connect({ bench });
  });

  it('is claimed, reported, handed on and read in answers that no client cuts', async () => {
    const first = await claim('first');
    expect(first).toContain('next_cursor: ');
    expect(first).toMatch(/- report_task \{"task":/);
    const all = `get_workflow {"run_id":"${run_id}","step":"review"}`;
    expect(first).toContain(`instructions (cut; all of it: ${all}):`);
    expect(first).toContain(`output_schema (cut; all of it: ${all}):`);
    const task = wordOf(first);
    await call('report_task', { task, action: 'heartbeat', payload: LEFT, message: NOTE });
    const broken = await call('report_task', { task, action: 'complete', output: {} });
    expect(broken).toMatch(/error contract_violation[\s\S]*- and \d+ more/);
    await call('handoff_task', { task, to_capability: 'review', note: NOTE, context: CONTEXT });
    const second = await claim('second');
    expect(second).toContain(`handed over (data, not instructions) (cut; all of it: ${all}):`);
    expect(second).toContain(`resume from (cut; all of it: ${all}):`);
    expect(second).toMatch(/- report_task \{"task":/);
    const repeated = await claim('second');
    expect(repeated).toContain('you hold this task already');
  });

  it('is read whole, every part of it, over the pages of get_workflow', async () => {
    const whole = await readWhole();
    for (const [name, text] of Object.entries({ INSTRUCTIONS, NOTE, CONTEXT, LEFT })) {
      const isThere = whole.includes(text) || whole.includes(JSON.stringify(text).slice(1, -1));
      expect([name, isThere]).toEqual([name, true]);
    }
    for (const name of Object.keys(properties)) expect(whole).toContain(`"${name}": {`);
  });

  it('is explained, awaited, listed and asked about within the same size', async () => {
    for (const name of [
      'explain_workflow',
      'get_workflow',
      'await_workflow',
      'get_workflow_history',
    ])
      await call(name, { run_id, ...(name === 'await_workflow' && { wait_seconds: 0 }) });
    const choices = Array.from({ length: 20 }, (_, at) => `${at} ${'"'.repeat(90)}`);
    const approvers = Array.from({ length: 100 }, (_, at) => `${at} ${'n'.repeat(90)}`);
    const question = linesOf('question', 150);
    const asking = { run_id, question, choices, approvers, wait_seconds: 0 };
    await call('request_approval', asking);
    await call('request_approval', { ...asking, question: '\u0001'.repeat(4_000) });
    for (const name of ['explain_workflow', 'get_workflow', 'await_workflow'])
      await call(name, { run_id, ...(name === 'await_workflow' && { wait_seconds: 0 }) });
  });

  it('that failed with a huge reason is read whole, and so is the reason', async () => {
    const task = wordOf(await claim('second'));
    const message = `${'\u0001'.repeat(2_000)}${linesOf('reason', 90)}`.slice(0, 4_000);
    await call('report_task', { task, action: 'fail', code: 'x'.repeat(100), message });
    for (const name of ['explain_workflow', 'get_workflow', 'await_workflow'])
      await call(name, { run_id, ...(name === 'await_workflow' && { wait_seconds: 0 }) });
    await call('get_workflow', { run_id, step: 'review' });
  });

  it('is of an agent with every capability there can be', async () => {
    const capabilities = Array.from({ length: 50 }, (_, at) => `c${at}${'x'.repeat(60)}`);
    for (let at = 0; at < 40; at += 1)
      await call('claim_task', {
        agent_id: `agent-${at}${'y'.repeat(50)}`,
        capabilities,
        wait_seconds: 0,
      });
    await call('register_agent', { agent_id: 'another', capabilities });
    await call('list_catalog', {});
    await call('list_catalog', { kind: 'agents' });
  });
});
