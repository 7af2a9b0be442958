import { describe, expect, it } from 'vitest';
import { parseDefinitionText } from '../../src/application/catalog/parse-definition-text.ts';

const parse = (text: string) => parseDefinitionText(text, {});

describe('the text of a definition', () => {
  it.each([
    ['a map', 'name: a\nname: b\nsteps: []', 'line 2, column 1'],
    ['a map in a list', 'name: a\nsteps:\n  - id: x\n    id: y', 'line 4, column 5'],
    ['JSON', '{"name":"a","name":"b","steps":[]}', 'line 1, column 13'],
    ['a number and its text', 'name: a\ninput: { 1: x, "1": y }', 'line 2, column 16'],
  ])('that names a key of %s twice is refused with the place', (_, text, path) => {
    const parsed = parse(text);
    expect(parsed).toMatchObject({ ok: false, errors: [{ path }] });
    expect(JSON.stringify(parsed)).toContain('is repeated');
  });

  // Comparing each with each took six minutes for this text, in which the process did nothing else.
  it('is read in a time that grows with its length, however many keys it has', () => {
    const keysFor = (count: number): number => {
      const text = Array.from({ length: count }, (_, at) => `k${at}: 1`).join('\n');
      const startedAt = process.cpuUsage();
      expect(parse(text).ok).toBe(false);
      return process.cpuUsage(startedAt).user;
    };
    keysFor(2_000);
    const few = keysFor(8_000);
    expect(keysFor(64_000) / few).toBeLessThan(40);
  });
});
