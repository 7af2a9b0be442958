import { LOCAL_CALLER, type Caller } from '../application/access/access.ts';
import type { Application } from '../application/application.ts';
import type { CallContext, UseCaseResult } from '../application/use-case.ts';
import type { Resource, ResourceEntry, ResourcePage } from './define-resource.ts';
import type { UriVariables } from './uri-template.ts';

/** Entries of one answer to `resources/list`: some clients ask for the first page only. */
const PAGE = 50;

export interface FoundResource {
  readonly resource: Resource;
  readonly variables: UriVariables;
}

export interface ResourceRegistry {
  readonly templates: readonly Resource[];
  find(uri: string): FoundResource | undefined;
  /** By its template, or by its address where it has no variables. */
  named(uri: string): Resource | undefined;
  /** Concrete resources, resource by resource in the order of registration. */
  list(
    application: Application,
    context: CallContext,
    cursor: string | undefined,
  ): Promise<UseCaseResult<ResourcePage>>;
}

/** Of the resources that the caller may read. */
export function createResourceRegistry(
  resources: readonly Resource[],
  { scopes }: Pick<Caller, 'scopes'> = LOCAL_CALLER,
): ResourceRegistry {
  const all = resources.filter(({ scope }) => scopes.has(scope));
  const listed = all.filter(({ template, list }) => template.isConcrete || list !== undefined);
  return {
    templates: all.filter(({ template }) => !template.isConcrete),
    named: (uri) => all.find((resource) => resource.uri === uri),
    find: (uri) => {
      for (const resource of all) {
        const variables = resource.template.match(uri);
        if (variables !== undefined) return { resource, variables };
      }
      return undefined;
    },
    list: async (application, context, cursor) => {
      const start = parseCursor(cursor, listed);
      return start === undefined ? INVALID_CURSOR : page(listed, application, context, start);
    },
  };
}

interface Place {
  /** Index of the resource whose entries come next. */
  readonly at: number;
  /** Within that resource. */
  readonly cursor: string | undefined;
}

async function page(
  listed: readonly Resource[],
  application: Application,
  context: CallContext,
  start: Place,
): Promise<UseCaseResult<ResourcePage>> {
  const entries: ResourceEntry[] = [];
  let { cursor } = start;
  for (const resource of listed.slice(start.at)) {
    const limit = PAGE - entries.length;
    if (limit === 0) return { ok: true, value: { entries, nextCursor: `${resource.name}.` } };
    const found = await entriesOf(resource, application, context, { cursor, limit });
    if (!found.ok) return found;
    entries.push(...found.value.entries);
    const { nextCursor } = found.value;
    if (nextCursor !== undefined)
      return { ok: true, value: { entries, nextCursor: `${resource.name}.${nextCursor}` } };
    cursor = undefined;
  }
  return { ok: true, value: { entries } };
}

async function entriesOf(
  resource: Resource,
  application: Application,
  context: CallContext,
  wanted: { readonly cursor: string | undefined; readonly limit: number },
): Promise<UseCaseResult<ResourcePage>> {
  if (resource.list) return resource.list(application, context, wanted);
  const { uri, name, title, description, mimeType } = resource;
  return { ok: true, value: { entries: [{ uri, name, title, description, mimeType }] } };
}

/** `<name of the resource>.<its own cursor>` */
function parseCursor(cursor: string | undefined, listed: readonly Resource[]): Place | undefined {
  if (cursor === undefined) return { at: 0, cursor: undefined };
  const [, name, inner = ''] = /^(\w+)\.(.*)$/s.exec(cursor) ?? [];
  const at = listed.findIndex((resource) => resource.name === name);
  return at < 0 ? undefined : { at, cursor: inner === '' ? undefined : inner };
}

const INVALID_CURSOR: UseCaseResult<never> = {
  ok: false,
  error: {
    code: 'invalid_cursor',
    message: 'The cursor is not one that resources/list gave.',
    changed: 'nothing',
    next: 'Leave the cursor out to begin at the start.',
  },
};
