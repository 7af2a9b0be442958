import { ProtocolError, ProtocolErrorCode, type McpServer } from '@modelcontextprotocol/server';
import { nearestName } from '../domain/definition/nearest-name.ts';
import type { Completer } from './completions.ts';
import type { Prompt } from './define-prompt.ts';
import { requestError } from './protocol-errors.ts';
import type { ResourceRegistry } from './resource-registry.ts';
import { answering, type Serving } from './serving.ts';

type Completers = Readonly<Record<string, Completer>>;

/** Completions for the variables of resource templates and the arguments of prompts. */
export function serveCompletions(
  { server }: McpServer,
  offered: { readonly registry: ResourceRegistry; readonly prompts: readonly Prompt[] },
  serving: Serving,
): void {
  server.registerCapabilities({ completions: {} });
  server.setRequestHandler('completion/complete', ({ params }, request) =>
    answering(serving, 'completion/complete', request, async (context) => {
      const { ref, argument } = params;
      const completers =
        ref.type === 'ref/prompt'
          ? ofPrompt(offered.prompts, ref.name)
          : ofTemplate(offered.registry, ref.uri);
      const complete = Object.hasOwn(completers, argument.name)
        ? completers[argument.name]
        : undefined;
      // An argument that takes any text has no proposals, which is no error.
      if (complete === undefined) return { completion: { values: [], hasMore: false } };
      const given = params.context?.arguments ?? {};
      const found = await complete(serving.application, context, argument.value, given);
      if (!found.ok) throw requestError(found.error);
      const { values, hasMore } = found.value;
      return { completion: { values: [...values], hasMore } };
    }),
  );
}

function ofPrompt(prompts: readonly Prompt[], name: string): Completers {
  const prompt = prompts.find((candidate) => candidate.name === name);
  return prompt?.complete ?? unknown('prompt', name, names(prompts));
}

function ofTemplate(registry: ResourceRegistry, uri: string): Completers {
  const known = registry.templates.map((template) => template.uri);
  return registry.named(uri)?.complete ?? unknown('resource template', uri, known);
}

function names(prompts: readonly Prompt[]): readonly string[] {
  return prompts.map(({ name }) => name);
}

function unknown(what: string, name: string, known: readonly string[]): never {
  const nearest = nearestName(name, known);
  const hint = nearest === undefined ? '' : ` Did you mean "${nearest}"?`;
  throw new ProtocolError(
    ProtocolErrorCode.InvalidParams,
    `There is no ${what} "${name.slice(0, 200)}".${hint} Known: ${known.join(', ')}.`,
  );
}
