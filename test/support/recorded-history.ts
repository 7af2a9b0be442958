import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { jsonSchema } from '../../src/domain/events.ts';
import type { JsonObject } from '../../src/domain/json.ts';
import type { Plan } from '../../src/domain/plan.ts';
import type { RunHeader, RunState } from '../../src/domain/state.ts';

const FOLDER = join(import.meta.dirname, '../fixtures/histories');

const summarySchema = z.object({
  status: z.string(),
  version: z.number(),
  output: jsonSchema.optional(),
  errorCode: z.string().optional(),
  signals: z.array(z.string()),
  /** What came of each approval that an agent asked for. */
  asked: z.record(z.string(), z.string()).optional(),
  /** The point of the history that each name stands for. */
  checkpoints: z.record(z.string(), z.number()).optional(),
  steps: z.record(
    z.string(),
    z.object({
      status: z.string(),
      attempt: z.number(),
      output: jsonSchema.optional(),
      errorCode: z.string().optional(),
    }),
  ),
});
export type StateSummary = z.infer<typeof summarySchema>;

/** What people were shown of the run when it was recorded: this must stay true of its history for ever. */
export function summarise(plan: Plan, { run, steps }: RunState): StateSummary {
  return {
    status: run.status,
    version: run.version,
    ...(run.output !== undefined && { output: run.output }),
    ...(run.error && { errorCode: run.error.code }),
    signals: run.signals.map(({ name }) => name),
    ...summariseNamed(run),
    steps: Object.fromEntries(
      plan.steps.map(({ id, index }) => {
        const { status, attempt, output, error } = steps.get(index);
        return [
          id,
          {
            status,
            attempt,
            ...(output !== undefined && { output }),
            ...(error && { errorCode: error.code }),
          },
        ];
      }),
    ),
  };
}

function summariseNamed({ asked, checkpoints }: RunHeader): Partial<StateSummary> {
  return {
    ...(asked.length > 0 && {
      asked: Object.fromEntries(
        asked.map(({ approvalId, answer }) => [approvalId, answer?.resolution ?? 'open']),
      ),
    }),
    ...(checkpoints.length > 0 && {
      checkpoints: Object.fromEntries(checkpoints.map(({ name, sequence }) => [name, sequence])),
    }),
  };
}

export interface RecordedHistory {
  /** `v1/completed-with-everything` */
  readonly name: string;
  /** Events as they stand in a store. */
  readonly lines: readonly string[];
  readonly definition: JsonObject;
  readonly final: StateSummary;
}

const expectationSchema = z.object({
  definition: z.record(z.string(), jsonSchema),
  final: summarySchema,
});

/** The recorded histories of every released version of the event schema. */
export function recordedHistories(): readonly RecordedHistory[] {
  return readdirSync(FOLDER).flatMap((version) =>
    readdirSync(join(FOLDER, version))
      .filter((file) => file.endsWith('.jsonl'))
      .map((file) => {
        const path = join(FOLDER, version, file);
        const expected: unknown = JSON.parse(readFileSync(path.replace(/l$/, ''), 'utf8'));
        return {
          name: `${version}/${file.replace('.jsonl', '')}`,
          lines: readFileSync(path, 'utf8').trimEnd().split('\n'),
          ...expectationSchema.parse(expected),
        };
      }),
  );
}
