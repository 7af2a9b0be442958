import { z } from 'zod';
import { checkJson } from '../../../application/call-arguments.ts';
import type { UseCaseResult } from '../../../application/use-case.ts';
import { MAX_DOCUMENT_LENGTH } from '../../../domain/definition/definition-limits.ts';
import { REST_PATH, defineRoute } from '../define-route.ts';
import { definitionPath, nextLink } from '../links.ts';
import type { JsonObject } from '../../../domain/json.ts';
import { NONE, cursorQuery, json, jsonObject, next, time } from '../schemas.ts';

export const listDefinitions = defineRoute({
  name: 'list_definitions',
  method: 'GET',
  path: '/definitions',
  tag: 'definitions',
  summary: 'The newest version of every registered workflow, by name',
  useCase: 'listCatalog',
  params: NONE,
  query: z.strictObject({ cursor: cursorQuery }),
  body: NONE,
  statuses: { 200: 'A page of them' },
  answer: [
    'DefinitionList',
    z.object({
      definitions: z.array(
        z.object({ name: z.string(), version: z.int(), description: z.string().optional() }),
      ),
      next_cursor: z.string().optional(),
    }),
  ],
  headers: { Link: 'rel="next": the next page (RFC 8288); none on the last' },
  errors: [],
  run: async (application, context, { query }) => {
    const listed = await application.listCatalog(context, { kind: 'workflows', ...query });
    if (!listed.ok) return listed;
    const { workflows = [], next_cursor } = listed.value;
    const isLast = next_cursor === undefined;
    return {
      ok: true,
      value: {
        status: 200,
        headers: nextLink(`${REST_PATH}/definitions`, { cursor: next_cursor }, isLast),
        body: { definitions: [...workflows], ...(!isLast && { next_cursor }) },
      },
    };
  },
});

export const getDefinition = defineRoute({
  name: 'get_definition',
  method: 'GET',
  path: '/definitions/{name}',
  tag: 'definitions',
  summary: 'The document of a registered workflow',
  useCase: 'getDefinition',
  params: z.strictObject({
    name: z.string().trim().min(1).max(500).describe('name for the newest, or name@version'),
  }),
  query: NONE,
  body: NONE,
  statuses: { 200: 'The definition' },
  answer: [
    'Definition',
    z.object({
      name: z.string(),
      version: z.int(),
      hash: z.string(),
      registered_at: time,
      yaml: z.string(),
      definition: json,
    }),
  ],
  errors: ['unknown_workflow'],
  run: async (application, context, { params }) => {
    const read = await application.getDefinition(context, { workflow: params.name });
    return read.ok ? { ok: true, value: { status: 200, body: read.value } } : read;
  },
});

export const registerDefinition = defineRoute({
  name: 'register_workflow',
  method: 'POST',
  path: '/definitions',
  tag: 'definitions',
  summary: 'Register a workflow',
  description:
    'Content that is registered already keeps its version, other content of the same name becomes the next one. All mistakes are reported at once, each with its place.',
  useCase: 'registerWorkflow',
  params: NONE,
  query: NONE,
  body: z.strictObject({
    definition: z
      .union([z.string().min(1).max(MAX_DOCUMENT_LENGTH), jsonObject('The document itself')])
      .describe('YAML or JSON text, or the document itself'),
    dry_run: z.boolean().optional().describe('Check and plan only'),
  }),
  example: {
    definition: { name: 'hello', steps: [{ id: 'greet', uses: 'transform', with: 'hello' }] },
  },
  // RFC 9512.
  textBody: ['application/yaml', 'definition'],
  statuses: { 201: 'Registered', 200: 'Was registered before, or only checked' },
  answer: [
    'Registration',
    z.object({
      name: z.string(),
      version: z.int().optional().describe('Absent in a dry run'),
      created: z.boolean(),
      dry_run: z.boolean(),
      hash: z.string(),
      levels: z.array(z.array(z.string())).describe('Steps by distance from the start'),
      queues: z.array(z.string()).describe('That workers must serve'),
      graph: z.string().describe('Mermaid'),
      next,
    }),
  ],
  headers: { Location: 'Path of the definition; absent in a dry run' },
  errors: ['invalid_definition'],
  run: async (application, context, { body }) => {
    const definition = textOf(body.definition);
    if (!definition.ok) return definition;
    const input = { definition: definition.value, dry_run: body.dry_run };
    const registered = await application.registerWorkflow(context, input);
    if (!registered.ok) return registered;
    const { name, version, created, levels, queues } = registered.value;
    return {
      ok: true,
      value: {
        status: created ? 201 : 200,
        ...(version !== undefined && { headers: { location: definitionPath(name, version) } }),
        body: {
          ...registered.value,
          levels: levels.map((level) => [...level]),
          queues: [...queues],
          next: [...registered.value.next],
        },
      },
    };
  },
});

/** JSON is YAML. What no JSON text of ours may hold (depth, prototype keys) is refused before it is written. */
function textOf(given: string | JsonObject): UseCaseResult<string> {
  if (typeof given === 'string') return { ok: true, value: given };
  const json = checkJson(given);
  if (json.ok) return { ok: true, value: JSON.stringify(given) };
  return {
    ok: false,
    error: {
      code: 'invalid_definition',
      message: 'The definition is no acceptable JSON; nothing was registered.',
      changed: 'nothing',
      next: 'Correct the named places and send it again.',
      violations: json.violations,
    },
  };
}
