import type { Prompt } from '../src/mcp/define-prompt.ts';
import { dailyStatus } from './daily-status.ts';
import { handoffBrief } from './handoff-brief.ts';
import { planWorkflow } from './plan-workflow.ts';
import { resumeWork } from './resume-work.ts';
import { reviewBeforeApproval } from './review-before-approval.ts';
import { triageFailures } from './triage-failures.ts';

/** Every prompt, in the order of `prompts/list`. */
export const prompts: readonly Prompt[] = [
  planWorkflow,
  resumeWork,
  triageFailures,
  reviewBeforeApproval,
  handoffBrief,
  dailyStatus,
];
