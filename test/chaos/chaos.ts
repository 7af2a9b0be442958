import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseOptions, USAGE, type ChaosOptions } from './options.ts';
import { copyProgram } from './program-copy.ts';
import { playScenario, type ScenarioResult } from './play-scenario.ts';
import { createProgress, summarise, toTestReport } from './report.ts';
import { SCENARIOS } from './scenarios.ts';
import type { Stage, StoreKind } from './stage.ts';
import { missingRedis } from '../support/redis-server.ts';

/** What is on: ended when the harness is told to stop. */
const stages = new Set<Stage>();

async function main(): Promise<number> {
  const options = parseOptions(process.argv.slice(2));
  if (typeof options === 'string') {
    process.stderr.write(`${options}\n\n${USAGE}`);
    return options === '' ? 0 : 2;
  }
  if (options.isList) {
    for (const { name, description, stores } of SCENARIOS)
      process.stdout.write(`${name.padEnd(14)} ${stores.join(', ').padEnd(14)} ${description}\n`);
    return 0;
  }
  if (options.only !== undefined && !SCENARIOS.some(({ name }) => name === options.only)) {
    process.stderr.write(`--only: there is no scenario "${options.only}"; --list names them\n`);
    return 2;
  }
  process.stderr.write(`seed ${options.seed}\n`);
  const folder = mkdtempSync(join(tmpdir(), 'baton-chaos-'));
  endOnSignals(folder);
  const results = await playAll(options, folder);
  // Where nothing could be played, nothing was shown.
  const hasFailed = results.length === 0 || results.some(({ violations }) => violations.length > 0);
  if (!hasFailed && !options.keeps) rmSync(folder, { recursive: true, force: true });
  process.stdout.write(summarise(results, options, hasFailed ? folder : undefined));
  const reportFolder = process.env['BATON_TEST_RESULTS'];
  if (reportFolder !== undefined)
    writeFileSync(join(reportFolder, 'chaos.json'), JSON.stringify(toTestReport(results)));
  return hasFailed ? 1 : 0;
}

async function playAll(options: ChaosOptions, folder: string): Promise<ScenarioResult[]> {
  const program = join(folder, 'program');
  copyProgram(program, options.program);
  const results: ScenarioResult[] = [];
  for (const scenario of SCENARIOS) {
    if (options.only !== undefined && scenario.name !== options.only) continue;
    if (options.only === undefined && options.isQuick && scenario.isQuick !== true) continue;
    const stores = scenario.stores.filter((store) => isWanted(store, options));
    for (const store of stores) {
      const progress = createProgress(`${scenario.name} on ${store}`, options);
      const kills = Math.ceil(options.kills / stores.length);
      const stageOptions = {
        folder: join(folder, `${scenario.name}-${store}`),
        program,
        seed: options.seed,
        store,
        note: (text: string) => progress.say(text),
      };
      const extent = { kills, isQuick: options.isQuick };
      const result = await playScenario(scenario, stageOptions, extent, stages);
      progress.end(result);
      results.push(result);
    }
  }
  return results;
}

function isWanted(store: StoreKind, options: ChaosOptions): boolean {
  if (options.store !== 'both' && options.store !== store) return false;
  if (store === 'sqlite' || missingRedis === undefined) return true;
  process.stderr.write(`without Redis: ${missingRedis}\n`);
  return false;
}

/** Nothing outlives the harness, also when it is interrupted. */
function endOnSignals(folder: string): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.once(signal, () => {
      for (const stage of stages) stage.endNow();
      process.stderr.write(`\ninterrupted; what was seen until then lies in ${folder}\n`);
      process.exit(130);
    });
}

process.exitCode = await main();
