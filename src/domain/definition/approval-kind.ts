import { z } from 'zod';
import { MAX_CHOICES, MAX_APPROVERS, MAX_QUESTION_CHARS } from '../limits.ts';
import { durationSchema } from './duration.ts';
import { ENGINE_KIND, type StepKind } from './step-kind.ts';

/** What a person can answer unless the approval names other choices. Rejecting is always possible. */
export const DEFAULT_CHOICES: readonly string[] = ['approve'];

const shortText = z.string().trim().min(1).max(100);

export const questionSchema = z.string().trim().min(1).max(MAX_QUESTION_CHARS);
export const choicesSchema = z
  .array(shortText)
  .min(1)
  .max(MAX_CHOICES)
  .refine((choices) => new Set(choices).size === choices.length, { error: 'names a choice twice' })
  .refine((choices) => !choices.includes('reject'), {
    error: 'cannot name "reject": rejecting is always possible and fails the step',
  });
export const approversSchema = z.array(shortText).min(1).max(MAX_APPROVERS);

export const approvalInputSchema = z.strictObject({
  question: questionSchema,
  /** Answers that let the run go on; the one chosen is `output.choice`. Default: approve. */
  choices: choicesSchema.optional(),
  /** Names of the people who may answer. Default: anyone who may approve here. */
  approvers: approversSchema.optional(),
  /** Default: never. */
  expires: durationSchema.optional(),
  /** The one thing that time alone may bring about; stated so that a definition says it. */
  onExpire: z.literal('reject').optional(),
});

export const APPROVAL_KIND: StepKind = {
  ...ENGINE_KIND,
  inputSchema: approvalInputSchema,
  isInputRequired: true,
};
