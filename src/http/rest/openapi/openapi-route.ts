import { z } from 'zod';
import type { JsonObject } from '../../../domain/json.ts';
import { defineRoute, type Route } from '../define-route.ts';
import { NONE } from '../schemas.ts';
import { createOpenApiDocument } from './openapi-document.ts';

/** The routes, and the one that answers the document of them all; it is made when somebody first asks. */
export function withDocument(routes: readonly Route[], version: string): readonly Route[] {
  let document: JsonObject | undefined;
  const all: readonly Route[] = [
    ...routes,
    describeApi(() => (document ??= createOpenApiDocument(all, version))),
  ];
  return all;
}

function describeApi(document: () => JsonObject): Route {
  return defineRoute({
    name: 'describe_api',
    method: 'GET',
    path: '/openapi.json',
    tag: 'operations',
    summary: 'This document',
    params: NONE,
    query: NONE,
    body: NONE,
    statuses: { 200: 'OpenAPI 3.1' },
    answer: ['OpenApiDocument', z.looseObject({ openapi: z.string() })],
    errors: [],
    run: async () => ({ ok: true, value: { status: 200, body: { openapi: '', ...document() } } }),
  });
}
