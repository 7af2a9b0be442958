import { completeWorkflow } from '../src/mcp/completions.ts';
import { defineResource } from '../src/mcp/define-resource.ts';
import { MAX_RESOURCE_CHARS } from '../src/mcp/resource-content.ts';
import { clip, pieceOf } from '../src/mcp/text-page.ts';

/** RFC 9512. */
const MIME_TYPE = 'application/yaml';

export const definitionResource = defineResource({
  name: 'definition',
  title: 'A workflow definition',
  description:
    'The registered document in YAML: the newest version, or name@version; a long one goes on at ?offset=.',
  uri: 'workflow://definitions/{name}{?offset}',
  mimeType: MIME_TYPE,
  useCase: 'getDefinition',
  complete: { name: completeWorkflow },
  list: async (application, context, { cursor, limit }) => {
    const page = await application.listCatalog(context, {
      kind: 'workflows',
      ...(cursor !== undefined && { cursor }),
    });
    if (!page.ok) return page;
    const { workflows = [], next_cursor } = page.value;
    const shown = workflows.slice(0, limit);
    const next = shown.length < workflows.length ? shown.at(-1)?.name : next_cursor;
    const entries = shown.map(({ name, version, description }) => ({
      uri: address(name),
      name,
      title: `Workflow ${name}@${version}`,
      ...(description !== undefined && { description: clip(description, 200) }),
      mimeType: MIME_TYPE,
    }));
    return { ok: true, value: { entries, ...(next !== undefined && { nextCursor: next }) } };
  },
  read: async (application, context, { name: workflow, offset }) => {
    const found = await application.getDefinition(context, { workflow });
    if (!found.ok) return found;
    const { name, version, hash, registered_at, yaml } = found.value;
    const from = Math.min(Number(/^\d{1,9}$/.exec(offset ?? '')?.[0] ?? 0), yaml.length);
    const { piece, nextOffset } = pieceOf(yaml, from, MAX_RESOURCE_CHARS - 600);
    const part = from > 0 || nextOffset !== undefined;
    const text = [
      `# ${name}@${version}, registered ${registered_at}, ${hash}`,
      ...(part
        ? [`# characters ${from} to ${from + piece.length} of ${yaml.length}: this is not all`]
        : []),
      ...(nextOffset === undefined
        ? []
        : [`# it goes on at ${address(`${name}@${version}`)}?offset=${nextOffset}`]),
      piece,
    ].join('\n');
    return { ok: true, value: { mimeType: MIME_TYPE, text } };
  },
});

/** Names are lower case letters, digits, hyphens and underscores. */
function address(reference: string): string {
  return `workflow://definitions/${reference}`;
}
