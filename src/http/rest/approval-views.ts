import { z } from 'zod';
import type { ApprovalView } from '../../application/people/approval-view.ts';
import { json, time } from './schemas.ts';

export const approval = z.object({
  approval_id: z.string(),
  status: z.enum(['waiting', 'chosen', 'rejected', 'expired', 'withdrawn']),
  question: z.string(),
  choices: z.array(z.string()),
  approvers: z.array(z.string()).optional().describe('Absent: anyone'),
  asked_at: time.optional(),
  expires_at: time.optional(),
  asked_by: z.string().optional().describe('An agent; absent: the workflow'),
  step_id: z.string().optional(),
  choice: z.string().optional(),
  answered_by: z.string().optional(),
  comment: z.string().optional(),
});

/** What more an answer of a use case has is for those who call tools. */
export function viewApproval(view: ApprovalView): z.infer<typeof approval> {
  return approval.parse(view);
}

export const personTask = z.object({
  step_id: z.string(),
  person: z.string().optional().describe('Absent: anyone'),
  from: z.string(),
  handed_at: time,
  instructions: json,
  note: z.string().optional(),
  context: json.optional(),
});
