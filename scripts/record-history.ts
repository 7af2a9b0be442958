/**
 * Writes the recorded histories of the present event schema version to test/fixtures/histories: real runs, made by the
 * real executor on the memory store under a manual clock. Run it once for a new schema version or a new recording,
 * before its release; what stands there already is left as it is (`node scripts/record-history.ts`).
 */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { EVENT_SCHEMA_VERSION } from '../src/domain/events.ts';
import { createInstallation, TestProcess } from '../test/support/application.ts';
import { RECORDINGS, type Recording } from './recordings.ts';
import { summarise } from '../test/support/recorded-history.ts';

const FOLDER = join(import.meta.dirname, `../test/fixtures/histories/v${EVENT_SCHEMA_VERSION}`);
const fileOf = (name: string): string => join(FOLDER, `${name}.jsonl`);

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
  mkdirSync(FOLDER, { recursive: true });
  writeFileSync(fileOf(name), lines.map((line) => `${line}\n`).join(''));
  const expected = { definition, final: summarise(run.plan, run.state) };
  writeFileSync(join(FOLDER, `${name}.json`), `${JSON.stringify(expected, null, 2)}\n`);
}

for (const [name, recording] of Object.entries(RECORDINGS))
  if (!existsSync(fileOf(name))) await record(name, recording);
