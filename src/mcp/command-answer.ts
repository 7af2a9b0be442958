import type { CommandAnswer } from '../application/commands/client-command.ts';
import type { ToolAnswer } from './define-tool.ts';
import { oneLine } from './outside-text.ts';
import { endLines, headLine, nextLines, structuredRun } from './run-text.ts';

/** What a tool says after a command to an existing run. */
export function commandAnswer(answer: CommandAnswer, effect: string): ToolAnswer {
  const what = answer.duplicate
    ? 'recorded by an earlier call with this idempotency_key; nothing was changed now'
    : answer.changed
      ? effect
      : 'already so; nothing was changed';
  return {
    text: [
      headLine(answer),
      oneLine(what),
      ...endLines(answer, 800),
      ...nextLines(answer.next),
    ].join('\n'),
    structured: {
      ...structuredRun(answer),
      changed: answer.changed,
      ...(answer.duplicate && { duplicate: true }),
    },
  };
}
