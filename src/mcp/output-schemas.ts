import { z } from 'zod';

/** Small on purpose: every field costs each client's context on every `tools/list`; results may carry more. */
export const runOutputSchema = z.object({ run_id: z.string(), status: z.string() });

export const awaitOutputSchema = z.object({
  run_id: z.string(),
  status: z.string(),
  finished: z.boolean(),
  next_cursor: z.string(),
});

export const historyOutputSchema = z.object({
  run_id: z.string(),
  total: z.number(),
  events: z.array(z.object({ sequence: z.number(), type: z.string(), text: z.string() })),
});

export const registrationOutputSchema = z.object({ name: z.string(), created: z.boolean() });
export const healthOutputSchema = z.object({ status: z.string(), reasons: z.array(z.string()) });
