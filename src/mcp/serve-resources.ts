import type { McpServer } from '@modelcontextprotocol/server';
import type { ResourceWatch } from './resource-watch.ts';
import { CONNECTION, MAX_SUBSCRIPTIONS } from './resource-watch.ts';
import { readingError, requestError } from './protocol-errors.ts';
import type { FoundResource, ResourceRegistry } from './resource-registry.ts';
import { answering, type Serving } from './serving.ts';
import { clip } from './text-page.ts';

/** Listing and reading. */
export function serveResources(
  { server }: McpServer,
  registry: ResourceRegistry,
  serving: Serving,
  { onList }: { readonly onList: () => Promise<void> },
): void {
  const { application } = serving;
  server.setRequestHandler('resources/list', ({ params }, request) =>
    answering(serving, 'resources/list', request, async (context) => {
      await onList();
      const page = await registry.list(application, context, params?.cursor);
      if (!page.ok) throw requestError(page.error);
      const { entries, nextCursor } = page.value;
      const resources = entries.map((entry) => ({ ...entry }));
      return { resources, ...(nextCursor !== undefined && { nextCursor }) };
    }),
  );
  server.setRequestHandler('resources/templates/list', () => ({
    resourceTemplates: registry.templates.map(({ uri, name, title, description, mimeType }) => ({
      uriTemplate: uri,
      name,
      title,
      description,
      mimeType,
    })),
  }));
  server.setRequestHandler('resources/read', ({ params: { uri } }, request) =>
    answering(serving, 'resources/read', request, async (context) => {
      const { resource, variables } = findOr(registry, uri);
      const read = await resource.read(application, context, variables);
      if (!read.ok) throw readingError(uri, read.error);
      return { contents: [{ uri, ...read.value }] };
    }),
  );
}

/** Subscriptions as they are made before 2026-07-28. */
export function serveSubscriptions(
  { server }: McpServer,
  registry: ResourceRegistry,
  serving: Serving,
  watch: ResourceWatch,
): void {
  server.setRequestHandler('resources/subscribe', ({ params: { uri } }, request) =>
    answering(serving, 'resources/subscribe', request, async (context) => {
      const { resource, variables } = findOr(registry, uri);
      const read = await resource.read(serving.application, context, variables);
      if (!read.ok) throw readingError(uri, read.error);
      if (watch.left === 0 && !watch.isWatched(uri)) throw requestError(TOO_MANY);
      await watch.subscribe(CONNECTION, [uri]);
      return {};
    }),
  );
  server.setRequestHandler('resources/unsubscribe', ({ params: { uri } }) => {
    watch.unsubscribe(CONNECTION, uri);
    return {};
  });
}

const TOO_MANY = {
  code: 'too_many_subscriptions',
  message: `No more resources can be subscribed to: a connection may have ${MAX_SUBSCRIPTIONS}, and over HTTP a key a bounded number over all its connections.`,
  changed: 'nothing',
  next: 'Unsubscribe from some first (resources/unsubscribe); await_workflow waits for a run without a subscription.',
} as const;

function findOr(registry: ResourceRegistry, uri: string): FoundResource {
  const found = registry.find(uri);
  if (found !== undefined) return found;
  throw readingError(uri, {
    code: 'unknown_resource',
    message: `"${clip(uri, 300)}" is no address of Baton.`,
    changed: 'nothing',
    next: `resources/list and resources/templates/list show what there is: ${registry.templates.map((template) => template.uri).join(', ')}.`,
  });
}
