import { describe, expect, it } from 'vitest';
import { duration } from '../../src/mcp/run-text.ts';
import { costOf, pageOf, pieceOf } from '../../src/mcp/text-page.ts';
import { MAX_RESULT_CHARS, toolResult } from '../../src/mcp/tool-result.ts';
import { GREET } from '../application/definitions.ts';
import { connect, textOf } from './connect.ts';

describe('texts', () => {
  it('say durations in the unit that reads best', () => {
    expect([12, 1_234, 61_000, 3_700_000].map(duration)).toEqual([
      '12 ms',
      '1.2 s',
      '1 min 1 s',
      '1 h 1 min',
    ]);
  });

  it('are cut as the last resort, and say so', () => {
    const text = Array.from({ length: 2_000 }, (_, at) => `line ${at}`).join('\n');
    const result = toolResult({ ok: true, value: { text, structured: { a: 1 } } });
    expect(costOf(textOf(result)) + costOf({ a: 1 })).toBeLessThanOrEqual(MAX_RESULT_CHARS);
    expect(textOf(result)).toMatch(/^line 0\n.*cut: too long for one answer$/s);
  });

  it('page with at least one line, however long it is', () => {
    expect(pageOf(['x'.repeat(500), 'y'], 0, 200)).toEqual({
      lines: [`${'x'.repeat(99)}…`],
      nextOffset: 1,
    });
    expect(pageOf(['a', 'b'], 2, 200)).toEqual({ lines: [] });
  });

  it('count what quoting costs when they are cut into pieces', () => {
    const { piece, nextOffset } = pieceOf('"'.repeat(1_000), 0, 500);
    expect(JSON.stringify(piece).length).toBeLessThanOrEqual(500);
    expect(nextOffset).toBe(piece.length);
  });
});

describe('large answers', () => {
  it('give the start of a large output, and the call for all of it', async () => {
    const session = await connect();
    await session.bench.register(GREET);
    const input = { who: 'x'.repeat(9_000) };
    const started = await session.call('start_workflow', { workflow: 'greet', input });
    const call = /get_workflow ({.*})$/m.exec(textOf(started))?.[1] ?? 'null';
    const whole = await session.call('get_workflow', JSON.parse(call) as Record<string, unknown>);
    expect(textOf(whole)).toContain('characters 0 to');
    expect(JSON.stringify(started).length).toBeLessThan(8_000);
  });

  it('page through many workflows with the cursor that the text gives', async () => {
    const session = await connect();
    const names = Array.from({ length: 55 }, (_, at) => `greet_${String(at).padStart(2, '0')}`);
    for (const name of names)
      await session.bench.register(
        GREET.replace('name: greet', `name: ${name}`).replace('Says hello', 'long '.repeat(60)),
      );
    const seen: string[] = [];
    let args: Record<string, unknown> | undefined = {};
    while (args !== undefined) {
      const result = await session.call('list_catalog', args);
      expect(JSON.stringify(result).length).toBeLessThan(8_000);
      seen.push(...(textOf(result).match(/greet_\d\d(?=@)/g) ?? []));
      const more: string | undefined = /more: list_catalog ({.*})/.exec(textOf(result))?.[1];
      args = more === undefined ? undefined : (JSON.parse(more) as Record<string, unknown>);
    }
    expect(seen).toEqual(names);
  });

  it('count the queues and workers that get_health leaves out', async () => {
    const session = await connect();
    const steps = Array.from(
      { length: 40 },
      (_, at) => `  - { id: s${at}, uses: shell, with: { command: [tool${at}] } }`,
    );
    await session.bench.register(['name: many', 'steps:', ...steps].join('\n'));
    await session.bench.start('many');
    const text = textOf(await session.call('get_health'));
    expect(text).toContain('queues: 40');
    expect(text).toContain('- and 25 more');
  });
});
