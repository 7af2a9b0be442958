import { z } from 'zod';
import { isJsonObject, type Json } from '../json.ts';
import { AGENT_KIND } from './agent-kind.ts';
import { APPROVAL_KIND } from './approval-kind.ts';
import type { DefinitionError } from './definition-error.ts';
import { durationSchema } from './duration.ts';
import { ENGINE_KIND, ONCE, type StepKind } from './step-kind.ts';

export const STEP_KIND_NAMES = [
  'shell',
  'agent',
  'approval',
  'transform',
  'wait',
  'signal',
  'fail',
] as const;
export type StepKindName = (typeof STEP_KIND_NAMES)[number];

const text = z.string();

export const shellInputSchema = z.strictObject({
  /** The binary, then its arguments; no shell is involved. */
  command: z.array(text).min(1, 'needs at least the binary'),
  cwd: text.optional(),
  env: z.record(text, text).optional(),
  stdin: text.optional(),
  /** What becomes of standard output. Default: text. */
  parse: z.enum(['text', 'json', 'lines']).optional(),
  /** Default: [0]. */
  successCodes: z.array(z.int().min(0).max(255)).min(1).optional(),
  /** From the request to stop until the kill. Default: 5 s. */
  grace: durationSchema.optional(),
});

/** Any JSON. */
export const transformInputSchema = z.custom<Json>();

const ONE_OF_FOR_AND_UNTIL = 'needs exactly one of "for" and "until"';

export const waitInputSchema = z
  .strictObject({
    for: durationSchema.optional(),
    until: z.iso
      .datetime({ offset: true, error: 'expected a date and time of RFC 3339' })
      .optional(),
  })
  .refine((input) => (input.for === undefined) !== (input.until === undefined), {
    error: ONE_OF_FOR_AND_UNTIL,
  });

export const signalInputSchema = z.strictObject({ name: text.min(1).max(200) });

export const failInputSchema = z.strictObject({
  message: text,
  code: text
    .regex(/^[a-z][a-z0-9_]*$/, 'must be lower case letters, digits and underscores')
    .max(100)
    .optional(),
});

/** Every kind of step: a new kind is one more entry. */
export const STEP_KINDS: Readonly<Record<StepKindName, StepKind>> = {
  shell: {
    inputSchema: shellInputSchema,
    isInputRequired: false,
    settings: ['timeout', 'heartbeat', 'retry', 'effect'],
    performer: 'worker',
    timeoutMs: 600_000,
    retry: ONCE,
    effect: 'idempotent',
    queueOf: (input) => `shell:${binaryOf(input) ?? ''}`,
    checkWritten: checkShell,
  },
  agent: AGENT_KIND,
  approval: APPROVAL_KIND,
  transform: { ...ENGINE_KIND, inputSchema: transformInputSchema, isInputRequired: true },
  wait: { ...ENGINE_KIND, inputSchema: waitInputSchema, checkWritten: checkWait },
  signal: { ...ENGINE_KIND, inputSchema: signalInputSchema, settings: ['timeout', 'retry'] },
  fail: { ...ENGINE_KIND, inputSchema: failInputSchema },
};

/** Kinds of the full language that this version cannot run yet. */
export const LATER_STEP_KINDS: readonly string[] = [
  'http',
  'mcp',
  'llm',
  'workflow',
  'vote',
  'vector.search',
  'vector.upsert',
  'vikunja.create_task',
  'vikunja.update_task',
];

export function isStepKindName(name: unknown): name is StepKindName {
  return (STEP_KIND_NAMES as readonly unknown[]).includes(name);
}

// The binary decides who may run the step, so that no value of a run may choose it.
function checkShell(input: Json): readonly DefinitionError[] {
  if (typeof input === 'string' && input.includes('${{')) {
    return [{ path: '', message: 'must be written out: its first command word names the binary' }];
  }
  if (!isJsonObject(input)) return [];
  if (typeof input.command === 'string') {
    return [{ path: 'command', message: 'must be a list: the binary, then its arguments' }];
  }
  const binary = binaryOf(input);
  if (binary === undefined) return [];
  const path = 'command[0]';
  if (binary.includes('${{')) {
    return [{ path, message: 'names the binary and cannot hold an expression' }];
  }
  return binary.trim() === '' ? [{ path, message: 'names the binary and cannot be empty' }] : [];
}

// The schema asks this only of values that are right in themselves, which an expression is not yet.
function checkWait(input: Json): readonly DefinitionError[] {
  if (!isJsonObject(input) || (input.for === undefined) !== (input.until === undefined)) return [];
  return [{ path: '', message: ONE_OF_FOR_AND_UNTIL }];
}

function binaryOf(input: Json): string | undefined {
  const command = isJsonObject(input) ? input.command : undefined;
  const [binary] = Array.isArray(command) ? command : [];
  return typeof binary === 'string' ? binary : undefined;
}
