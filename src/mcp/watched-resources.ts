import { createHash } from 'node:crypto';
import type { Application } from '../application/application.ts';
import type { CallContext, UseCaseResult } from '../application/use-case.ts';
import type { ResourcePage } from './define-resource.ts';
import { NOT_FOUND } from './protocol-errors.ts';
import type { ResourceRegistry } from './resource-registry.ts';
import type { WatchedResources } from './resource-watch.ts';

/** Pages of the list that a change is looked for in: with newest runs last, all of them in most stores. */
const MAX_PAGES = 4;
const ABSENT = 'absent';

export function createWatchedResources(
  application: Application,
  registry: ResourceRegistry,
  context: CallContext,
): WatchedResources {
  return {
    runOf: (uri) => registry.find(uri)?.variables.run_id,
    fingerprint: async (uri) => {
      const found = registry.find(uri);
      if (found === undefined) return ABSENT;
      const read = await found.resource.read(application, context, found.variables);
      if (read.ok) return digest(read.value.text);
      return NOT_FOUND.has(read.error.code) ? ABSENT : undefined;
    },
    listFingerprint: async () => {
      const uris: string[] = [];
      let cursor: string | undefined;
      for (let looked = 0; looked < MAX_PAGES; looked += 1) {
        const page: UseCaseResult<ResourcePage> = await registry.list(application, context, cursor);
        if (!page.ok) return undefined;
        uris.push(...page.value.entries.map(({ uri }) => uri));
        cursor = page.value.nextCursor;
        if (cursor === undefined) break;
      }
      return digest(uris.join('\n'));
    },
  };
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64');
}
