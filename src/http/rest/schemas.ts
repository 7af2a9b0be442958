import { z } from 'zod';
import { RUN_STATUSES } from '../../domain/lifecycle.ts';
import { isJsonObject, type Json } from '../../domain/json.ts';
import { MAX_WAIT_SECONDS } from '../../application/call-arguments.ts';

/** Nothing may be sent in this part. */
export const NONE = z.strictObject({});

export const MAX_PAGE = 50;

/** Any JSON value; what it may hold (depth, size, keys), the use case says. */
export function anyJson(description: string) {
  // A body was JSON, so that it holds nothing else.
  return z
    .unknown()
    .transform((value) => value as Json)
    .describe(description);
}

/** Kept as it is: a record would quietly lose the key `__proto__`, which the use case refuses. */
export function jsonObject(description: string) {
  return z
    .unknown()
    .refine(isJsonObject, 'must be an object')
    .transform((value) => value) // as above
    .meta({ type: 'object', description });
}

/** Whatever is wrong with it, the bounds are told. */
function boundedInt(min: number, max: number) {
  const rule = `must be a whole number from ${min} to ${max}`;
  return z.int(rule).min(min, rule).max(max, rule);
}

/** Of a query, where everything is text. */
export function wholeNumber(min: number, max: number, description: string) {
  return z.preprocess(
    (text) => (typeof text === 'string' && /^\d{1,9}$/.test(text) ? Number(text) : text),
    boundedInt(min, max).describe(description),
  );
}

export const waitQuery = wholeNumber(
  0,
  MAX_WAIT_SECONDS,
  'Hold the answer back for at most so long; default 0',
).optional();

export const waitBody = boundedInt(0, MAX_WAIT_SECONDS)
  .optional()
  .describe('Hold the answer back for at most so many seconds; default 0');

export const cursorQuery = z
  .string()
  .min(1)
  .max(1_000)
  .optional()
  .describe('next_cursor of the last page');

const runId = z.string().trim().min(1).max(200);
export const workflowParams = z.strictObject({ workflow_id: runId.describe('Of the run') });

export const taskParams = z.strictObject({
  task: z.string().min(1).max(1_000).describe('The word that claim_task gave, whole'),
});

export const time = z.iso.datetime();
export const runStatus = z.enum(RUN_STATUSES);
export const json = z.unknown();
export const error = z.object({ code: z.string(), message: z.string() });
export const links = z.record(z.string(), z.string()).describe('Paths, by what they lead to');
export const next = z.array(z.string()).describe('What makes sense now, as operations of this API');

export const reason = z.object({
  kind: z.string(),
  step: z.string().optional(),
  message: z.string(),
  next: z.string().optional(),
});

export const step = z.object({
  id: z.string(),
  uses: z.string(),
  status: z.string(),
  attempts: z.int(),
  started_at: time.optional(),
  duration_ms: z.number().optional(),
  error: error.optional(),
  skip_reason: z.string().optional(),
});
