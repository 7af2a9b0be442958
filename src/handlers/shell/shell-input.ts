import { z } from 'zod';
import { parseDuration } from '../../domain/duration.ts';
import type { Json } from '../../domain/json.ts';
import type { Refusal } from './refusal.ts';

export const DEFAULT_GRACE_MS = 5_000;

// A NUL byte would end the argument early in the kernel, so that another command ran than the one written.
const text = z.string().refine((value) => !value.includes('\0'), 'must not contain a NUL byte');

const grace = z.union([z.string(), z.number()]).transform((value, context) => {
  const parsed = parseDuration(value);
  if (parsed.ok) return parsed.ms;
  context.addIssue({ code: 'custom', message: parsed.error });
  return z.NEVER;
});

const shellInputSchema = z
  .strictObject({
    command: z.tuple([text.min(1)], text),
    cwd: text.optional(),
    env: z.record(z.string(), text).default({}),
    stdin: z.string().optional(),
    parse: z.enum(['text', 'json', 'lines']).default('text'),
    successCodes: z.array(z.int()).default([0]),
    grace: grace.default(DEFAULT_GRACE_MS),
  })
  .transform(({ grace: graceMs, ...input }) => ({ ...input, graceMs }));

/** The evaluated `with` of a shell step, defaults applied. */
export type ShellInput = z.infer<typeof shellInputSchema>;

/** The engine has validated the input already; it is parsed again because it crossed the store. */
export function parseShellInput(input: Json): ShellInput | Refusal {
  const parsed = shellInputSchema.safeParse(input);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(
    (issue) => `${['with', ...issue.path].join('.')}: ${issue.message}`,
  );
  return { code: 'invalid_input', message: problems.join('; ') };
}
