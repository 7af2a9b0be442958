import { parseArgs } from 'node:util';
import type { Cast } from '../test/simulation/generate-people.ts';
import { simulate } from '../test/simulation/simulate.ts';
import { replayLine, type SimulationResult } from '../test/simulation/simulation-result.ts';

const USAGE = `Plays seeds of the deterministic simulation and checks every invariant.

  node scripts/simulate.ts [--agents] [--seeds N] [--from S] [--trace] [--keep-going]

  --agents       with agents, approvals and people beside the engine's own workers
  --seeds N      how many seeds to play (default 2000)
  --from S       the first one (default 1)
  --trace        print what happened in the last seed played: calls of the store, then the histories
  --keep-going   play on after a seed that fails
`;
const PROGRESS_EVERY_MS = 2_000;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      agents: { type: 'boolean', default: false },
      seeds: { type: 'string', default: '2000' },
      from: { type: 'string', default: '1' },
      trace: { type: 'boolean', default: false },
      'keep-going': { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const seeds = Number(values.seeds);
  const from = Number(values.from);
  if (values.help || !isCount(seeds) || !Number.isSafeInteger(from)) {
    process.stderr.write(USAGE);
    return values.help ? 0 : 2;
  }
  const played = await playAll(
    values.agents ? 'agents' : 'workers',
    from,
    seeds,
    values['keep-going'],
  );
  if (values.trace) process.stdout.write(`${played.last?.trace.join('\n') ?? ''}\n`);
  return played.failed === 0 ? 0 : 1;
}

async function playAll(
  cast: Cast,
  from: number,
  seeds: number,
  keepsGoing: boolean,
): Promise<{ failed: number; last: SimulationResult | undefined }> {
  const startedAtMs = performance.now();
  let saidAtMs = startedAtMs;
  let failed = 0;
  let events = 0;
  let last: SimulationResult | undefined;
  for (let seed = from; seed < from + seeds; seed += 1) {
    last = await simulate(seed, cast);
    events += last.figures.events;
    if (last.violations.length > 0) {
      failed += 1;
      tellFailure(last);
      if (!keepsGoing) break;
    }
    if (performance.now() - saidAtMs > PROGRESS_EVERY_MS) {
      saidAtMs = performance.now();
      tell(from, seed, seeds, events, failed, saidAtMs - startedAtMs);
    }
  }
  if (last) tell(from, last.seed, seeds, events, failed, performance.now() - startedAtMs);
  return { failed, last };
}

function tell(
  from: number,
  seed: number,
  seeds: number,
  events: number,
  failed: number,
  elapsedMs: number,
): void {
  const played = seed - from + 1;
  process.stdout.write(
    `${played}/${seeds} seeds, ${events} events, ${failed} failed, ` +
      `${(elapsedMs / played).toFixed(1)} ms a seed\n`,
  );
}

function tellFailure({ seed, cast, violations, traceHash }: SimulationResult): void {
  process.stdout.write(`seed ${seed} FAILED (trace ${traceHash.slice(0, 16)}):\n`);
  for (const { invariant, runId, message } of violations)
    process.stdout.write(`  ${invariant} ${runId} ${message}\n`);
  process.stdout.write(`replay: ${replayLine(seed, cast)}\n`);
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value > 0;
}

process.exitCode = await main();
