import { median } from '../measure.ts';
import { byCpu, measureLoad } from './measure-load.ts';
import type { Fsync } from './redis-usage.ts';
import { interleaved, showNumber } from './report.ts';
import type { Effort, Specs } from './specs.ts';
import type { SystemSpec } from './system.ts';

/**
 * BullMQ is run as it runs best here: concurrency and ioredis's pipelining are tried first, in turns, for each pattern.
 * Whether what ended is removed changes nothing in that.
 */
export async function tuned(specs: Specs, fsync: Fsync, effort: Effort): Promise<Specs> {
  const best = new Map<string, Pick<SystemSpec, 'slots' | 'autoPipelining'>>();
  const tuned = new Map<string, SystemSpec>();
  for (const [name, spec] of specs) {
    const pattern = spec.pattern ?? spec.workload;
    if (spec.engine === 'bullmq' && !best.has(pattern))
      best.set(pattern, await tune(name, spec, fsync, effort));
    tuned.set(name, { ...spec, ...(spec.engine === 'bullmq' && best.get(pattern)) });
  }
  return tuned;
}

async function tune(
  name: string,
  spec: SystemSpec,
  fsync: Fsync,
  { tuneMs, rounds }: Effort,
): Promise<Pick<SystemSpec, 'slots' | 'autoPipelining'>> {
  const options = { fsync, workers: 0, warmMs: tuneMs, windowMs: tuneMs };
  const candidates = [50, 100, 256].flatMap((slots) =>
    [false, true].map((autoPipelining) => ({ slots, autoPipelining })),
  );
  const measures = new Map(
    candidates.map((tried) => [
      `${tried.slots}${tried.autoPipelining ? ', autopipelining' : ''}`,
      async () => ({ ...tried, ...(await measureLoad({ ...spec, ...tried }, options)) }),
    ]),
  );
  const taken = [...(await interleaved(Math.max(2, rounds - 1), measures))];
  const ranked = taken
    .map(([settings, found]) => ({
      settings,
      found: found[0],
      // At saturation the CPU is what limits, and unlike the clock it does not count what others do.
      rate: median(found.map((one) => byCpu(one))),
    }))
    .sort((a, b) => b.rate - a.rate);
  const tried = ranked.map(({ settings, rate }) => `${settings}: ${showNumber(rate)}/s`);
  console.error(`… ${name}, by CPU, concurrency ${tried.join('; ')}`);
  const [best] = ranked;
  return {
    slots: best?.found?.slots ?? spec.slots,
    autoPipelining: best?.found?.autoPipelining ?? false,
  };
}
