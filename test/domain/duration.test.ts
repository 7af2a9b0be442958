import { describe, expect, test } from 'vitest';
import { durationMs, parseDuration } from '../../src/domain/definition/duration.ts';

describe('a duration', () => {
  test.each([
    ['500ms', 500],
    ['10s', 10_000],
    ['5m', 300_000],
    ['2h', 7_200_000],
    ['1d', 86_400_000],
    ['1h30m', 5_400_000],
    ['1d2h3m4s5ms', 93_784_005],
    ['1m500ms', 60_500],
    ['0s', 0],
    [250, 250],
    [0, 0],
  ])('%j is %i milliseconds', (written, ms) => {
    expect(parseDuration(written)).toEqual({ ok: true, ms });
    expect(durationMs(written)).toBe(ms);
  });

  test.each([
    '',
    '5',
    '5 m',
    'm',
    '-5s',
    '1.5h',
    '5m1h',
    '5x',
    '1h1h',
    1.5,
    -1,
    NaN,
    null,
    {},
    true,
  ])('refuses %j with an example of what is right', (written) => {
    const parsed = parseDuration(written);
    expect(parsed.ok ? '' : parsed.error).toContain('"1h30m"');
  });

  test('refuses more than 366 days', () => {
    expect(parseDuration('366d')).toMatchObject({ ok: true });
    expect(parseDuration('367d')).toEqual({ ok: false, error: 'a duration is at most 366 days' });
    expect(parseDuration('999999999999d').ok).toBe(false);
    expect(() => durationMs('367d')).toThrow('366 days');
  });
});
