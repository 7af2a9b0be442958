import { styleText } from 'node:util';
import Table from 'cli-table3';
import type { ChaosOptions } from './options.ts';
import type { ScenarioResult } from './play-scenario.ts';

const HEAD = [
  ...['scenario', 'store', 'kills', 'faults', 'runs', 'effects', 'repeated', 'lost'],
  ...['beyond lease', 'time', ''],
];
/** Violations shown of a scenario; all of them lie with the evidence. */
const MAX_SHOWN = 12;

export interface Progress {
  say(text: string): void;
  end(result: ScenarioResult): void;
}

/** Elsewhere than on a terminal. */
const SAY_EVERY_MS = 20_000;

/** On standard error: one line that changes on a terminal, else a new one now and then. */
export function createProgress(title: string, { isJson }: ChaosOptions): Progress {
  const isLive = process.stderr.isTTY && !isJson;
  let saidAtMs = performance.now();
  const sayNow = (text: string): void => {
    if (isLive) return void process.stderr.write(`\r\u001b[K${title}: ${text}`);
    if (performance.now() - saidAtMs < SAY_EVERY_MS) return;
    saidAtMs = performance.now();
    process.stderr.write(`${title}: ${text}\n`);
  };
  process.stderr.write(isLive ? `${title} …` : `${title}\n`);
  return {
    say: sayNow,
    end: (result) => {
      const seconds = (result.elapsedMs / 1_000).toFixed(0);
      process.stderr.write(
        `${isLive ? '\r\u001b[K' : ''}${title}: ${wordOf(result)}, ${seconds} s\n`,
      );
    },
  };
}

function wordOf({ violations, skipped }: ScenarioResult): string {
  if (skipped !== undefined) return styleText('yellow', `skipped: ${skipped}`);
  return violations.length === 0 ? styleText('green', 'passed') : styleText('red', 'FAILED');
}

export function summarise(
  results: readonly ScenarioResult[],
  options: ChaosOptions,
  evidence: string | undefined,
): string {
  if (options.isJson)
    return `${JSON.stringify({ seed: options.seed, evidence, results }, undefined, 2)}\n`;
  const table = new Table({ head: HEAD, style: { head: [], border: [] } });
  for (const result of results) table.push(row(result));
  const points = pointsOf(results);
  return [
    table.toString(),
    ...results.flatMap(({ scenario, store, notes }) =>
      notes.map((note) => `${scenario} on ${store}: ${note}`),
    ),
    ...(points.length > 0 ? ['', 'kills by their moment', ...points] : []),
    '',
    ...results.flatMap(violationLines),
    totalLine(results, options.seed),
    ...(evidence === undefined ? [] : [`evidence: ${evidence}`]),
    '',
  ].join('\n');
}

function row(result: ScenarioResult): (string | number)[] {
  const { scenario, store, kills, faults, runs, effects, duplicates, lost } = result;
  const beyond = `${result.recoveryMs} ms (of ${result.boundMs})`;
  const seconds = `${(result.elapsedMs / 1_000).toFixed(0)} s`;
  const counts = [kills, faults, runs, effects, duplicates, lost];
  return [scenario, store, ...counts, beyond, seconds, wordOf(result)];
}

function pointsOf(results: readonly ScenarioResult[]): string[] {
  const sums = new Map<string, number>();
  for (const { points } of results)
    for (const [point, count] of Object.entries(points))
      sums.set(point, (sums.get(point) ?? 0) + count);
  return [...sums]
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([point, count]) => `  ${String(count).padStart(4)} ${point}`);
}

function violationLines({ scenario, store, violations }: ScenarioResult): string[] {
  if (violations.length === 0) return [];
  const left = violations.length - MAX_SHOWN;
  return [
    styleText('red', `${scenario} on ${store}:`),
    ...violations.slice(0, MAX_SHOWN).map((text) => `  ${text.slice(0, 1_000)}`),
    ...(left > 0 ? [`  and ${left} more`] : []),
  ];
}

function totalLine(results: readonly ScenarioResult[], seed: number): string {
  const played = results.filter(({ skipped }) => skipped === undefined);
  const failed = played.filter(({ violations }) => violations.length > 0).length;
  const sum = (key: 'kills' | 'runs' | 'effects' | 'elapsedMs'): number =>
    results.reduce((total, result) => total + result[key], 0);
  const minutes = (sum('elapsedMs') / 60_000).toFixed(1);
  const skipped = results.length - played.length;
  return `seed ${seed}: ${sum('kills')} kills, ${sum('runs')} runs, ${sum('effects')} effects in ${minutes} min; ${played.length - failed} passed, ${failed} failed, ${skipped} skipped`;
}

/** What scripts/count-tests.mjs adds up and shows: the fields it reads of a vitest report. */
export function toTestReport(results: readonly ScenarioResult[]): Record<string, unknown> {
  const skipped = results.filter((result) => result.skipped !== undefined).length;
  const failed = results.filter(({ violations }) => violations.length > 0);
  return {
    numPassedTests: results.length - failed.length - skipped,
    numFailedTests: failed.length,
    numFailedTestSuites: 0,
    numPendingTests: skipped,
    testResults: failed.map(({ scenario, store, violations }) => ({
      name: 'chaos',
      assertionResults: [
        {
          status: 'failed',
          fullName: `${scenario} on ${store}`,
          failureMessages: violations.slice(0, MAX_SHOWN),
        },
      ],
    })),
  };
}
