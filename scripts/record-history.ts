/**
 * Writes the recorded histories of the present event schema version to test/fixtures/histories: real runs, made by the
 * real executor on the memory store under a manual clock. Run it once for a new schema version, before its release;
 * what was released is never written again (`node scripts/record-history.ts`, refuses to overwrite).
 */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from '../src/domain/commands.ts';
import { EVENT_SCHEMA_VERSION } from '../src/domain/events.ts';
import type { Json, JsonObject } from '../src/domain/json.ts';
import { createInstallation, TestProcess } from '../test/support/application.ts';
import {
  begin,
  cancel,
  complete,
  fail,
  fire,
  giveBack,
  pass,
  reportCancelled,
  reportUnknown,
  retry,
  signal,
  work,
  workflow,
} from '../test/support/given.ts';
import { summarise } from '../test/support/recorded-history.ts';

interface Recording {
  readonly definition: JsonObject;
  readonly input: Json;
  /** A number lets so many milliseconds pass. */
  readonly moves: readonly (Command | number)[];
}

const resolve = (
  step: string,
  resolution: 'retry' | 'completed',
  output: Json = null,
): Command => ({ type: 'ResolveStep', step, resolution, output });

const RECORDINGS: Readonly<Record<string, Recording>> = {
  'completed-with-everything': {
    definition: workflow(
      [
        work('lint', { with: { command: ['true', '${{ input.branch }}'] }, ...retry(3) }),
        work('typed', { ...retry(2), outputSchema: { type: 'object', required: ['n'] } }),
        work('pay', { effect: 'unsafe', needs: ['lint'] }),
        pass('never', { if: '${{ input.branch == "other" }}' }),
        { id: 'pause', uses: 'wait', with: { for: '1h' }, needs: ['typed'] },
        {
          id: 'gate',
          uses: 'signal',
          with: { name: 'go' },
          timeout: '1d',
          needs: ['pay', 'never'],
        },
        {
          id: 'typed_gate',
          uses: 'signal',
          with: { name: 'data' },
          ...retry(2),
          outputSchema: { type: 'number' },
        },
        pass('report', {
          needs: ['gate', 'pause', 'typed_gate'],
          with: ['${{ steps.gate.output.by }}', '${{ steps.lint.attempts }}'],
        }),
      ],
      {
        input: { type: 'object', properties: { branch: { type: 'string', default: 'main' } } },
        output: { report: '${{ steps.report.output }}' },
      },
    ),
    input: {},
    moves: [
      fail('lint', { code: 'exit_2', details: { exitCode: 2 } }, { heartbeat: { file: 17 } }),
      signal('data', 'not a number'),
      1_000,
      fire('retry:lint#1'),
      fire('retry:typed_gate#1'),
      signal('data', 4),
      complete('typed', {}),
      1_000,
      fire('retry:typed#1'),
      { type: 'PauseWorkflow', reason: 'lunch' },
      giveBack('typed', 2),
      { type: 'ResumeWorkflow', reason: 'lunch is over' },
      complete('typed', { n: 1 }, 2),
      complete('lint', { clean: true }, 2),
      begin('pay'),
      reportUnknown('pay'),
      resolve('pay', 'retry'),
      begin('pay', 2),
      complete('pay', { receipt: 'r-1' }, 2),
      signal('go', { by: 'someone' }),
      3_600_000,
      fire('wait:pause#1'),
    ],
  },
  'failed-and-stopped': {
    definition: workflow([
      work('good'),
      work('bad', retry(2)),
      work('after_good', { needs: ['good'] }),
      work('after_bad', { needs: ['bad'] }),
      { id: 'patience', uses: 'wait', with: { until: '2030-01-01T00:00:00Z' } },
      pass('clean', { needs: ['good', 'bad'], if: '${{ always() }}' }),
    ]),
    input: { any: ['thing', 1, null] },
    moves: [
      fail('bad'),
      1_000,
      fire('retry:bad#1'),
      fail('bad', { permanent: true }, { attempt: 2 }),
      5,
      complete('good'),
    ],
  },
  'failed-by-its-output': {
    definition: workflow([work('a')], { output: '${{ steps.a.output.missing.deeper }}' }),
    input: {},
    moves: [complete('a', { other: 1 })],
  },
  'cancelled-while-running': {
    definition: workflow([
      work('held'),
      work('late'),
      work('never', { needs: ['held'] }),
      { id: 'gate', uses: 'signal', with: { name: 'go' } },
    ]),
    input: null,
    moves: [
      signal('other', { kept: true }),
      { ...cancel, reason: 'wrong branch' } as Command,
      reportCancelled('held'),
      20,
      complete('late', 'in spite of it'),
    ],
  },
};

async function record(name: string, { definition, input, moves }: Recording): Promise<void> {
  const process = new TestProcess(createInstallation());
  const key = await process.start(definition, input, {
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  });
  for (const move of moves) {
    if (typeof move === 'number') {
      await process.clock.advance(move);
      continue;
    }
    const outcome = await process.send(key, move);
    if (outcome.kind !== 'committed') throw new Error(`${name}: ${move.type} was ${outcome.kind}`);
  }
  const run = await process.runs.refresh(key);
  if (run === undefined) throw new Error(`${name}: no run`);
  const lines = await process.store.readHistory(key, 1, 10_000);
  const folder = join(import.meta.dirname, `../test/fixtures/histories/v${EVENT_SCHEMA_VERSION}`);
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${name}.jsonl`);
  if (existsSync(file)) throw new Error(`${file} exists: a recorded history never changes`);
  writeFileSync(file, lines.map((line) => `${line}\n`).join(''));
  const expected = { definition, final: summarise(run.plan, run.state) };
  writeFileSync(join(folder, `${name}.json`), `${JSON.stringify(expected, null, 2)}\n`);
}

for (const [name, recording] of Object.entries(RECORDINGS)) await record(name, recording);
