import { cpus, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { missingRedis } from '../../support/redis-server.ts';
import { installBullmq } from './bullmq-library.ts';
import {
  measureBuses,
  measureIdles,
  measureManyAgents,
  measureMemories,
  measureSaturation,
  measureScaling,
  type Measured,
} from './measures.ts';
import type { Fsync } from './redis-usage.ts';
import { showBars, showSection } from './report.ts';
import { FULL, ONE_STEP, QUICK, THREE_STEPS } from './specs.ts';
import { tuned } from './tune.ts';

/**
 * `npm run bench:peers`: Baton beside BullMQ and a bare prototype, in one run, each on a Redis of its own with the same
 * settings. `--quick` shows the order of things; `--strict` exits 1 when a bar of the design is missed.
 */
const MEASURES = ['three-steps', 'one-step', 'idle', 'bus', 'memory', 'scaling', 'agents'] as const;
type MeasureName = (typeof MEASURES)[number];

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    strict: { type: 'boolean', default: false },
    fsync: { type: 'string', default: 'everysec' },
    only: { type: 'string', multiple: true, default: [] },
  },
});

function fsyncs(): Fsync[] {
  const { fsync } = options;
  if (fsync === 'both') return ['everysec', 'always'];
  if (fsync === 'everysec' || fsync === 'always') return [fsync];
  throw new Error(`--fsync is everysec, always or both, not "${fsync}"`);
}

function isAsked(name: MeasureName): boolean {
  return options.only.length === 0 || options.only.includes(name);
}

function checkOptions(): void {
  const unknown = options.only.find((name) => !MEASURES.some((known) => known === name));
  if (unknown !== undefined)
    throw new Error(`--only is one of ${MEASURES.join(', ')}, not "${unknown}"`);
  if (missingRedis !== undefined) throw new Error(missingRedis);
}

async function* measures(): AsyncGenerator<Measured> {
  const effort = options.quick ? QUICK : FULL;
  const [first = 'everysec'] = fsyncs();
  const isComparing = (['three-steps', 'idle', 'scaling'] as const).some(isAsked);
  const threeSteps = isComparing ? await tuned(THREE_STEPS, first, effort) : THREE_STEPS;
  const oneStep = isAsked('one-step') ? await tuned(ONE_STEP, first, effort) : ONE_STEP;
  for (const fsync of fsyncs()) {
    if (isAsked('three-steps'))
      yield measureSaturation('Workflows of three steps', threeSteps, fsync, effort);
    if (isAsked('one-step')) yield measureSaturation('Single no-op jobs', oneStep, fsync, effort);
    if (isAsked('idle')) yield measureIdles(threeSteps, fsync, effort);
    if (isAsked('bus')) yield measureBuses(fsync, effort);
  }
  if (isAsked('memory')) yield measureMemories(THREE_STEPS, effort);
  if (isAsked('scaling')) yield measureScaling(threeSteps, effort);
  if (isAsked('agents')) yield measureManyAgents(effort);
}

checkOptions();
installBullmq();
// The servers end with this process, but not with a signal that nobody hears.
for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)
  process.once(signal, () => process.exit(code));
const [loadBefore = 0] = loadavg();
const all: Measured[] = [];
for await (const measured of measures()) {
  all.push(measured);
  if (!options.json)
    for (const section of measured.sections) console.log(`\n${showSection(section)}`);
}
const bars = all.flatMap((measured) => measured.bars);
const machine = `${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}, Node ${process.version}; load before: ${loadBefore.toFixed(1)}`;
const isBusy = loadBefore > cpus().length / 2;
const warning =
  'The machine was busy with something else: believe CPU times and ratios, not the figures a second.';
if (options.json)
  console.log(JSON.stringify({ machine, sections: all.flatMap(({ sections }) => sections), bars }));
else console.log(`\n${machine}${isBusy ? `\n${warning}` : ''}\n\n${showBars(bars)}`);
if (options.strict && bars.some(({ isMet }) => !isMet)) process.exitCode = 1;
