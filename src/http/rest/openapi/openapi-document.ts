import type { JsonObject } from '../../../domain/json.ts';
import { problemSchema } from '../../problem.ts';
import { REST_PATH, TAGS, type Route } from '../define-route.ts';
import { jsonSchemaOf } from './json-schema.ts';
import { operationOf } from './operation.ts';
import { shareRefusals } from './shared-responses.ts';

const DESCRIPTION = `Durable workflows for coding agents.

Every refusal is a problem (RFC 9457) that says what happened (\`detail\`), whether anything was changed (\`changed\`) and what to do next (\`next\`). A stage is a step of a workflow. Operations are named as the MCP tools that do the same. What is sent and not known is refused; answers may grow.`;

/**
 * The table as an OpenAPI 3.1 document. `isExact`: answers hold nothing beside what is named, which tests ask for and clients
 * must not.
 */
export function createOpenApiDocument(
  routes: readonly Route[],
  version: string,
  { isExact = false }: { readonly isExact?: boolean } = {},
): JsonObject {
  const { paths, responses } = shareRefusals(pathsOf(routes));
  return {
    openapi: '3.1.1',
    info: {
      title: 'Baton',
      version,
      description: DESCRIPTION,
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: REST_PATH }],
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    paths,
    components: {
      securitySchemes: {
        key: {
          type: 'http',
          scheme: 'bearer',
          description:
            'An API key (baton keys create). Its scopes are the roles that operations name.',
        },
      },
      responses,
      schemas: schemasOf(routes, isExact),
    },
  };
}

function pathsOf(routes: readonly Route[]): JsonObject {
  const paths: Record<string, JsonObject> = {};
  for (const route of routes)
    paths[route.path] = { ...paths[route.path], [route.method.toLowerCase()]: operationOf(route) };
  return paths;
}

/** By name; throws where two routes mean different things by one name. */
function schemasOf(routes: readonly Route[], isExact: boolean): JsonObject {
  const io = isExact ? 'output' : 'input';
  const schemas: JsonObject = { Problem: jsonSchemaOf(problemSchema, io) };
  for (const { answer } of routes) {
    if (answer === undefined) continue;
    const [name, schema] = answer;
    const made = jsonSchemaOf(schema, io);
    const known = schemas[name];
    if (known !== undefined && JSON.stringify(known) !== JSON.stringify(made))
      throw new Error(`two answers are called ${name}`);
    schemas[name] = made;
  }
  return schemas;
}
