import { inputRequired } from '@modelcontextprotocol/server';
import type { ApprovalView } from '../application/people/approval-view.ts';
import { quotedLines, visibleLine } from '../application/runs/visible-text.ts';

/** The answer that no choice can be. */
export const REJECT = 'reject';
/** Characters that one takes at most when it is written out, as `\\u{10ffff}`. */
const MAX_WRITTEN_OUT = 10;

/** Who asks stands before what is asked: no question, however long, pushes it out of sight or says otherwise. */
export function approvalForm(
  workflow: string,
  { question, choices, asked_by, approval_id }: ApprovalView,
) {
  const by = asked_by === undefined ? 'the workflow' : visibleLine(asked_by);
  return inputRequired.elicit({
    message: [
      `Approval "${visibleLine(approval_id)}" in workflow "${visibleLine(workflow)}"`,
      `asked by ${by}, whose words stand behind the bar:`,
      ...quotedLines(question, question.length * MAX_WRITTEN_OUT),
    ].join('\n'),
    requestedSchema: {
      type: 'object',
      properties: {
        answer: { type: 'string', title: 'Answer', enum: [...labelsOf(choices), REJECT] },
        comment: { type: 'string', title: 'Comment' },
      },
      required: ['answer'],
    },
  });
}

/** Choices as a person reads them, each different from the others and from the answer that rejects. */
export function labelsOf(choices: readonly string[]): string[] {
  const labels: string[] = [];
  for (const choice of choices) {
    const shown = visibleLine(choice, choice.length * MAX_WRITTEN_OUT);
    let label = shown;
    for (let at = 2; label === REJECT || labels.includes(label); at += 1)
      label = `${shown} (${at})`;
    labels.push(label);
  }
  return labels;
}
