import { nearestName } from '../../domain/definition/nearest-name.ts';
import type { DefinitionCatalog, RegisteredDefinition } from '../../ports/definition-catalog.ts';
import { failure } from '../commands/outcome-error.ts';
import type { UseCaseResult } from '../use-case.ts';

/** Names looked at for a suggestion. */
const MAX_NAMES = 1_000;

/** `name`, or `name@version` for another than the newest. */
export async function findDefinition(
  catalog: DefinitionCatalog,
  tenant: string,
  reference: string,
): Promise<UseCaseResult<RegisteredDefinition>> {
  const { name, version } = parseReference(reference);
  const found = await catalog.findByName(tenant, name, version);
  if (found !== undefined) return { ok: true, value: found };
  const newest = version === undefined ? undefined : await catalog.findByName(tenant, name);
  return failure({
    code: 'unknown_workflow',
    message: newest
      ? `Workflow "${name}" has no version ${version ?? ''}; the newest is ${newest.version}.`
      : `No workflow "${reference}" is registered.`,
    changed: 'nothing',
    next: `${await suggestion(catalog, tenant, name)}list_catalog lists the workflows; register_workflow adds one.`,
  });
}

export function parseReference(reference: string): { name: string; version?: number } {
  const match = /^(.+)@v?(\d{1,9})$/.exec(reference.trim());
  if (match?.[1] === undefined) return { name: reference.trim() };
  return { name: match[1], version: Number(match[2]) };
}

async function suggestion(
  catalog: DefinitionCatalog,
  tenant: string,
  name: string,
): Promise<string> {
  const definitions = await catalog.listDefinitions(tenant, MAX_NAMES);
  const nearest = nearestName(
    name,
    definitions.map((definition) => definition.name),
  );
  return nearest === undefined || nearest === name ? '' : `Did you mean "${nearest}"? `;
}
