import { ProtocolError, ProtocolErrorCode, type McpServer } from '@modelcontextprotocol/server';
import { nearestName } from '../domain/definition/nearest-name.ts';
import type { Prompt } from './define-prompt.ts';
import { requestError } from './protocol-errors.ts';
import { answering, type Serving } from './serving.ts';
import { costOf, pageOf } from './text-page.ts';
import { MAX_RESULT_CHARS } from './tool-result.ts';

export function servePrompts(
  { server }: McpServer,
  prompts: readonly Prompt[],
  serving: Serving,
): void {
  server.setRequestHandler('prompts/list', () => ({
    prompts: prompts.map(({ listing }) => ({ ...listing })),
  }));
  server.setRequestHandler('prompts/get', ({ params }, request) =>
    answering(serving, 'prompts/get', request, async (context) => {
      const prompt =
        prompts.find(({ name }) => name === params.name) ?? unknown(prompts, params.name);
      const { application, nowMs, offers } = serving;
      const built = await prompt.get(
        application,
        { ...context, nowMs: nowMs(), offers },
        params.arguments,
      );
      if (!built.ok) throw requestError(built.error);
      const text = fit(built.value);
      return {
        description: prompt.listing.description,
        messages: [{ role: 'user' as const, content: { type: 'text' as const, text } }],
      };
    }),
  );
}

// Prompts bound their parts themselves; this keeps a mistake of theirs from filling a context.
function fit(text: string): string {
  if (costOf(text) <= MAX_RESULT_CHARS) return text;
  const note = '\n… cut: too long for one prompt; read the rest with the tools';
  return pageOf(text.split('\n'), 0, MAX_RESULT_CHARS - costOf(note) - 100).lines.join('\n') + note;
}

function unknown(prompts: readonly Prompt[], name: string): never {
  const names = prompts.map((prompt) => prompt.name);
  const nearest = nearestName(name, names);
  const hint = nearest === undefined ? '' : ` Did you mean "${nearest}"?`;
  throw new ProtocolError(
    ProtocolErrorCode.InvalidParams,
    `There is no prompt "${name.slice(0, 100)}".${hint} Prompts: ${names.join(', ')}.`,
  );
}
