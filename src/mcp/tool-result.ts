import type { CallToolResult } from '@modelcontextprotocol/server';
import type { UseCaseError, UseCaseResult } from '../application/use-case.ts';
import type { ToolAnswer } from './define-tool.ts';
import { barred, jsonLine, oneLine } from './outside-text.ts';
import { clip, costOf, pageOf } from './text-page.ts';

/**
 * Serialised size of a result. Cline cuts at 8,000 characters and pays for text and structured content together; the
 * rest is left for what the protocol adds.
 */
export const MAX_RESULT_CHARS = 7_500;

/** The one place that turns what a use case answered into a result of the protocol. */
export function toolResult(answered: UseCaseResult<ToolAnswer>): CallToolResult {
  if (!answered.ok) return errorResult(answered.error);
  const { text, structured } = answered.value;
  const left = MAX_RESULT_CHARS - (structured === undefined ? 0 : costOf(structured));
  return {
    content: [{ type: 'text', text: fit(text, left) }],
    ...(structured && { structuredContent: structured }),
  };
}

/** What happened, whether anything changed, what to do next. */
export function errorResult(error: UseCaseError): CallToolResult {
  const next = `next: ${clip(jsonLine(error.next), 1_500)}`;
  // A message may have lines, of what somebody wrote too: those after the first are marked.
  const head = `error ${error.code}: ${clip(barred(error.message).slice(2), 1_500)}`;
  const left = MAX_RESULT_CHARS - costOf([head, next].join('\n')) - 200;
  const text = [head, ...places(error, left), CHANGED[error.changed], next].join('\n');
  return { content: [{ type: 'text', text }], isError: true };
}

/** A defect: what went wrong stays in the log, for it may hold what no client should read. */
export function defectResult(reference: string): CallToolResult {
  return errorResult({
    code: 'internal_error',
    message: `Baton made a mistake of its own; its log has the details under "${reference}".`,
    changed: 'unknown',
    next: 'Read the run with get_workflow; repeat a writing call only with the same idempotency_key. If it happens again, report it with the log entry.',
  });
}

const CHANGED: Readonly<Record<UseCaseError['changed'], string>> = {
  nothing: 'Nothing was changed.',
  unknown: 'Whether anything was changed is not known.',
};

function places({ violations = [] }: UseCaseError, budget: number): string[] {
  const lines = violations.map(({ path, message, suggestion }) => {
    const hint = suggestion === undefined ? '' : ` (did you mean "${suggestion}"?)`;
    const place = path === '' ? '' : `${clip(oneLine(path), 200)}: `;
    return `- ${place}${clip(oneLine(message), 300)}${hint}`;
  });
  const page = pageOf(lines, 0, budget);
  const rest = lines.length - page.lines.length;
  return rest > 0 ? [...page.lines, `- and ${rest} more`] : page.lines;
}

// Tools page their text themselves; this bound only keeps a mistake of theirs from being cut by the client.
function fit(text: string, budget: number): string {
  if (costOf(text) <= budget) return text;
  const note = '\n… cut: too long for one answer';
  const page = pageOf(text.split('\n'), 0, budget - costOf(note));
  return page.lines.join('\n') + note;
}
