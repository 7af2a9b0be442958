import { REQUIRED_SCOPES, type Application } from '../application/application.ts';
import type { Scope } from '../application/access/access.ts';
import type { CallContext, UseCaseResult } from '../application/use-case.ts';
import type { Completer } from './completions.ts';
import { compileUriTemplate, type UriTemplate, type VariablesOf } from './uri-template.ts';

/**
 * What a resource reads as. It holds nothing that changes merely because time passes (how long a step has run so far):
 * subscribers are told whenever it has become another.
 */
export interface ResourceContent {
  readonly mimeType: string;
  readonly text: string;
}

/** A resource as `resources/list` shows it. */
export interface ResourceEntry {
  readonly uri: string;
  readonly name: string;
  readonly title?: string;
  readonly description?: string;
  readonly mimeType: string;
}

export interface ResourcePage {
  readonly entries: readonly ResourceEntry[];
  /** Absent at the end. */
  readonly nextCursor?: string;
}

export interface ResourceDefinition<Uri extends string> {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  /** An address, or a template of addresses: `{name}` for a segment, `{?name}` at the end. */
  readonly uri: Uri;
  readonly mimeType: string;
  /** What it reads through: who may not call that is not shown the resource. */
  readonly useCase: keyof Application;
  readonly complete?: Readonly<Record<string, Completer>>;
  /** Of a template: its concrete resources, at most `limit` from `cursor` on. */
  list?(
    application: Application,
    context: CallContext,
    page: { readonly cursor: string | undefined; readonly limit: number },
  ): Promise<UseCaseResult<ResourcePage>>;
  read(
    application: Application,
    context: CallContext,
    variables: VariablesOf<Uri>,
  ): Promise<UseCaseResult<ResourceContent>>;
}

export interface Resource {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly uri: string;
  readonly mimeType: string;
  readonly scope: Scope;
  readonly template: UriTemplate;
  readonly complete: Readonly<Record<string, Completer>>;
  readonly list: ResourceDefinition<string>['list'];
  read(
    application: Application,
    context: CallContext,
    variables: Readonly<Record<string, string>>,
  ): Promise<UseCaseResult<ResourceContent>>;
}

export function defineResource<const Uri extends string>(
  definition: ResourceDefinition<Uri>,
): Resource {
  const { name, title, description, uri, mimeType, complete = {} } = definition;
  return {
    name,
    title,
    description,
    uri,
    mimeType,
    scope: REQUIRED_SCOPES[definition.useCase],
    complete,
    template: compileUriTemplate(uri),
    list: definition.list?.bind(definition),
    // The template that matched has exactly the names of its own text.
    read: (application, context, variables) => definition.read(application, context, variables),
  };
}
