import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { exampleInput } from '../../src/application/catalog/example-input.ts';
import { recordedOr } from '../../src/application/commands/outcome-error.ts';
import { parseArguments } from '../../src/application/parse-arguments.ts';
import { createWorkbench, errorOf } from './workbench.ts';

describe('the example of an input', () => {
  it('holds what is required: a default, an allowed value, or its type', () => {
    const schema = {
      required: ['ref', 'level', 'mode', 'free'],
      properties: {
        ref: { type: 'string' },
        level: { type: 'integer', default: 3 },
        mode: { enum: ['fast', 'slow'] },
        other: { type: 'string' },
      },
    };
    expect(exampleInput(schema)).toEqual({
      ref: '<string>',
      level: 3,
      mode: 'fast',
      free: '<value>',
    });
  });

  it('is empty where nothing is required', () => {
    expect(exampleInput(undefined)).toEqual({});
    expect(exampleInput({ type: 'object' })).toEqual({});
  });
});

describe('arguments', () => {
  const schema = z.object({ run_id: z.string().min(1), limit: z.int().max(5).optional() });

  it('are refused as a whole when they are no object', () => {
    expect(errorOf(parseArguments(schema, 'run')).message).toMatch(/^arguments: /);
  });

  it('name every mistake at once', () => {
    const error = errorOf(parseArguments(schema, { run_id: '', limit: 9 }));
    expect(error.violations?.map(({ path }) => path)).toEqual(['run_id', 'limit']);
    expect(error).toMatchObject({ code: 'invalid_arguments', changed: 'nothing' });
  });
});

describe('outcomes and failing reads', () => {
  it('take a lost lease of a client for the defect it is', () => {
    expect(() => recordedOr({ kind: 'leaseLost' }, { runId: 'x' })).toThrow('without a lease');
  });

  it('say that a run was written by a newer Baton', async () => {
    const bench = createWorkbench();
    const key = { tenant: 'default', runId: 'future' };
    const committed = await bench.store.commit({
      key,
      expectedVersion: 0,
      commands: [{ id: 'start', answer: null }],
      events: [JSON.stringify({ schemaVersion: 99 })],
      enqueue: [],
      recall: [],
      timers: [],
      cancelTimers: [],
      messages: [],
    });
    expect(committed.kind).toBe('committed');
    const read = await bench.application.getWorkflow(bench.context, { run_id: 'future' });
    expect(errorOf(read)).toMatchObject({ code: 'run_unreadable', changed: 'nothing' });
    expect(errorOf(read).message).toContain('newer than this Baton');
  });

  it('let a defect of the store through', async () => {
    const bench = createWorkbench();
    bench.faults.fate = () => {
      throw new TypeError('broken adapter');
    };
    const read = bench.application.getWorkflow(bench.context, { run_id: 'x' });
    await expect(read).rejects.toThrow('broken adapter');
    const health = bench.application.getHealth(bench.context, {});
    await expect(health).rejects.toThrow('broken adapter');
  });
});
