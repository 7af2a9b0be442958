import { describe, expect, it } from 'vitest';
import {
  createCockatielBreakers,
  FORGOTTEN_AFTER_MS,
  MAX_TARGETS,
} from '../../../src/adapters/cockatiel/cockatiel-breakers.ts';
import type { Breakers, Passage } from '../../../src/ports/breakers.ts';
import { silentLogger } from '../../support/silent-logger.ts';

const HOST = 'host:api.example.com';
const START_MS = 1_700_000_000_000;

/** Breakers that open at the third failure, probe after 100, 200, 400, 400 … ms, and take time from the test. */
function bench() {
  const time = { elapsed: 50_000, wall: START_MS };
  const breakers = createCockatielBreakers({
    logger: silentLogger,
    clock: { now: () => time.wall },
    elapsedMs: () => time.elapsed,
    settingsOf: () => ({ failures: 3, pausesMs: [100, 200, 400], maxProbeMs: 1_000 }),
  });
  const pass = (ms: number): void => {
    time.elapsed += ms;
    time.wall += ms;
  };
  return { breakers, time, pass };
}

function entered(breakers: Breakers, target = HOST): Passage {
  const entry = breakers.enter(target);
  if (entry.kind === 'refused') throw new Error(`refused: ${JSON.stringify(entry.breaker)}`);
  return entry.passage;
}

/** What no promise tells of: a probe that was given up. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

async function end(passage: Passage, how: keyof Passage): Promise<void> {
  await (how === 'failed' ? passage.failed('HTTP 503') : passage[how]());
}

async function open(breakers: Breakers, target = HOST): Promise<void> {
  for (let failed = 0; failed < 3; failed += 1) await end(entered(breakers, target), 'failed');
}

describe('a breaker', () => {
  it('opens at the last of so many failures in a row, and tells since when and why', async () => {
    const { breakers, pass } = bench();
    await end(entered(breakers), 'failed');
    pass(1_000);
    await end(entered(breakers), 'failed');
    expect(breakers.list()).toEqual([]);
    await end(entered(breakers), 'failed');
    pass(40);
    expect(breakers.enter(HOST)).toEqual({
      kind: 'refused',
      breaker: {
        target: HOST,
        state: 'open',
        failures: 3,
        sinceMs: START_MS + 1_000,
        nextProbeAtMs: START_MS + 1_100,
        lastError: 'HTTP 503',
      },
    });
    expect(breakers.list()).toEqual([breakers.find(HOST)]);
  });

  it('counts failures in a row only, and nothing of calls that say nothing', async () => {
    const { breakers } = bench();
    const ends = ['failed', 'failed', 'succeeded', 'failed', 'abandoned', 'failed'] as const;
    for (const how of ends) await end(entered(breakers), how);
    expect(breakers.find(HOST)).toBeUndefined();
    await end(entered(breakers), 'failed');
    expect(breakers.find(HOST)).toMatchObject({ state: 'open' });
  });

  it('lets one call try the target when the pause is over, and refuses the breakers meanwhile', async () => {
    const { breakers, pass } = bench();
    await open(breakers);
    pass(99);
    expect(breakers.enter(HOST).kind).toBe('refused');
    pass(1);
    const probe = entered(breakers);
    expect(breakers.enter(HOST)).toMatchObject({ breaker: { state: 'half_open' } });
    await end(probe, 'succeeded');
    expect(breakers.find(HOST)).toBeUndefined();
    expect(breakers.enter(HOST).kind).toBe('entered');
  });

  it('waits longer after each probe that fails, up to a bound, and is open since the first time', async () => {
    const { breakers, pass, time } = bench();
    await open(breakers);
    for (const pauseMs of [100, 200, 400, 400]) {
      expect((breakers.find(HOST)?.nextProbeAtMs ?? 0) - time.wall).toBe(pauseMs);
      pass(pauseMs);
      await end(entered(breakers), 'failed');
    }
    expect(breakers.find(HOST)).toMatchObject({ sinceMs: START_MS, failures: 7 });
  });

  it('begins with the short pause again after it was closed', async () => {
    const { breakers, pass, time } = bench();
    await open(breakers);
    pass(100);
    await end(entered(breakers), 'failed');
    pass(200);
    await end(entered(breakers), 'succeeded');
    await open(breakers);
    expect(breakers.find(HOST)).toMatchObject({
      sinceMs: time.wall,
      nextProbeAtMs: time.wall + 100,
    });
  });

  it('stays open after a probe that was abandoned', async () => {
    const { breakers, pass } = bench();
    await open(breakers);
    pass(100);
    await end(entered(breakers), 'abandoned');
    expect(breakers.find(HOST)).toMatchObject({ state: 'open', lastError: 'HTTP 503' });
  });

  it('lets another call try when a probe does not end', async () => {
    const { breakers, pass } = bench();
    await open(breakers);
    pass(100);
    const stuck = entered(breakers);
    pass(1_000);
    breakers.enter(HOST);
    await settle();
    pass(200);
    const probe = entered(breakers);
    await end(stuck, 'failed');
    expect(breakers.find(HOST)).toMatchObject({ state: 'half_open' });
    await end(probe, 'succeeded');
    expect(breakers.find(HOST)).toBeUndefined();
  });

  it('probes in its time though the time of day is set back', async () => {
    const { breakers, time } = bench();
    await open(breakers);
    time.wall -= 3_600_000;
    time.elapsed += 100;
    expect(breakers.enter(HOST).kind).toBe('entered');
  });

  it('tells times in whole milliseconds, none too early', async () => {
    const { breakers, time } = bench();
    await open(breakers);
    time.elapsed += 0.25;
    expect(breakers.find(HOST)?.nextProbeAtMs).toBe(START_MS + 100);
    time.elapsed += 98.9;
    expect(breakers.find(HOST)?.nextProbeAtMs).toBe(START_MS + 1);
  });

  it('is one a target', async () => {
    const { breakers } = bench();
    await open(breakers);
    expect(breakers.enter('mcp:files').kind).toBe('entered');
  });

  it('is forgotten when nobody asks for its target any more', async () => {
    const { breakers, pass } = bench();
    await open(breakers);
    pass(FORGOTTEN_AFTER_MS);
    expect(breakers.list()).toHaveLength(1);
    pass(1);
    expect(breakers.list()).toEqual([]);
  });

  it('cuts what it shows of an error to one short line', async () => {
    const { breakers } = bench();
    for (let failed = 0; failed < 3; failed += 1)
      await entered(breakers).failed(`bad\n${'x'.repeat(900)}`);
    expect(breakers.find(HOST)?.lastError).toMatch(/^bad x{196}$/);
  });
});

describe('many breakers', () => {
  it('are bounded: a closed one goes first, though an open one was used before it', async () => {
    const { breakers } = bench();
    await open(breakers, 'host:bad');
    await end(entered(breakers, 'host:good'), 'failed');
    for (let at = 0; at < MAX_TARGETS - 1; at += 1)
      await end(entered(breakers, `host:${at}`), 'succeeded');
    expect(breakers.find('host:bad')).toMatchObject({ state: 'open' });
    // The one that went has forgotten its failure.
    for (let failed = 0; failed < 2; failed += 1)
      await end(entered(breakers, 'host:good'), 'failed');
    expect(breakers.find('host:good')).toBeUndefined();
  });

  it('are bounded also when all are open: the one used longest ago goes', async () => {
    const { breakers } = bench();
    for (let at = 0; at <= MAX_TARGETS; at += 1) await open(breakers, `host:${at}`);
    expect(breakers.list()).toHaveLength(MAX_TARGETS);
    expect(breakers.find('host:0')).toBeUndefined();
  });
});
