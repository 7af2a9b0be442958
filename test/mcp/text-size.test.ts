import { beforeAll, describe, expect, it } from 'vitest';
import { createWorkbench, type Workbench } from '../application/workbench.ts';
import { wide } from '../application/definitions.ts';
import { connect, fieldOf, textOf } from './connect.ts';

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
