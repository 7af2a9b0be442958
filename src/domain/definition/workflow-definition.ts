import { z } from 'zod';
import { MAX_ATTEMPTS, MAX_NAME_LENGTH, MAX_STEPS } from './definition-limits.ts';
import { isJsonObject, type Json, type JsonObject } from '../json.ts';
import { durationSchema } from './duration.ts';
import { declaredKindNameSchema, kindDeclarationSchema } from './kind-declaration.ts';
import { prioritySchema } from '../priority.ts';
import { EFFECT_CLASSES } from './step-kind.ts';

/** Lower case, so that ids are the same in every file system and shell; no hyphen, which is minus in CEL. */
const STEP_ID = /^[a-z][a-z0-9_]*$/;
const WORKFLOW_NAME = /^[a-z][a-z0-9_-]*$/;

const anyJson = z.custom<Json>();
const jsonObject = z.custom<JsonObject>(isJsonObject, { error: 'expected an object' });
const description = z.string().max(4_000).optional();

const stepId = z
  .string()
  .max(MAX_NAME_LENGTH)
  .regex(STEP_ID, 'must be lower case letters, digits and underscores, beginning with a letter');

export const retrySchema = z.strictObject({
  maxAttempts: z.int().min(1).max(MAX_ATTEMPTS).optional(),
  initialDelay: durationSchema.optional(),
  factor: z.number().min(1).max(100).optional(),
  maxDelay: durationSchema.optional(),
  jitter: z.enum(['full', 'none']).optional(),
  nonRetryable: z.array(z.string().min(1).max(MAX_NAME_LENGTH)).max(100).optional(),
});

const stepSchema = z.strictObject({
  id: stepId,
  // Which kinds there are is checked by the plan, which can name the nearest one.
  uses: z.custom<string>((value) => typeof value === 'string', {
    error: 'expected a step kind',
  }),
  description,
  with: anyJson.optional(),
  needs: z.array(z.string()).optional(),
  if: z
    .custom<string | boolean>((value) => typeof value === 'string' || typeof value === 'boolean', {
      error: 'expected an expression',
    })
    .optional(),
  timeout: durationSchema.optional(),
  heartbeat: durationSchema.optional(),
  retry: retrySchema.optional(),
  effect: z.enum(EFFECT_CLASSES).optional(),
  /** Else that of the run, else that of the workflow, else normal. */
  priority: prioritySchema.optional(),
  outputSchema: z
    .custom<JsonObject | boolean>((value) => typeof value === 'boolean' || isJsonObject(value), {
      error: 'expected a JSON Schema',
    })
    .optional(),
});

/** The shape of a definition as people write it. What its parts mean to one another is checked by `compilePlan`. */
export const workflowSchema = z.strictObject({
  name: z
    .string()
    .max(MAX_NAME_LENGTH)
    .regex(
      WORKFLOW_NAME,
      'must be lower case letters, digits, underscores and hyphens, beginning with a letter',
    ),
  description,
  input: jsonObject.optional(),
  defaults: z
    .strictObject({ timeout: durationSchema.optional(), retry: retrySchema.optional() })
    .optional(),
  onFailure: z.enum(['stop', 'continue']).optional(),
  priority: prioritySchema.optional(),
  steps: z
    .array(stepSchema)
    .min(1, 'needs at least one step')
    .max(MAX_STEPS, `a definition has at most ${MAX_STEPS} steps`),
  output: anyJson.optional(),
});

/** The shape of a registered definition: with the declarations of third parties' step kinds that its steps use. */
export const pinnedWorkflowSchema = workflowSchema.extend({
  kinds: z.record(declaredKindNameSchema, kindDeclarationSchema).optional(),
});

export type RetryDefinition = z.infer<typeof retrySchema>;
export type StepDefinition = z.infer<typeof stepSchema>;
export type WorkflowDefinition = z.infer<typeof pinnedWorkflowSchema>;

export const WORKFLOW_KEYS = Object.keys(workflowSchema.shape);
export const STEP_KEYS = Object.keys(stepSchema.shape);
export const RETRY_KEYS = Object.keys(retrySchema.shape);

/** Keys of the full language that this version does not have yet. */
export const LATER_KEYS: ReadonlySet<string> = new Set([
  'concurrency',
  'budget',
  'forEach',
  'maxParallel',
  'onItemFailure',
  'onChildFailure',
  'repeat',
  'steps',
  'compensate',
  'queue',
]);
