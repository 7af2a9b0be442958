import type { JsonObject } from '../../../domain/json.ts';
import { routes } from '../routes/index.ts';
import { createOpenApiDocument } from './openapi-document.ts';
import { withDocument } from './openapi-route.ts';

/** The document of the whole table, as it is served and committed. */
export function restDocument(
  version: string,
  options: { readonly isExact?: boolean } = {},
): JsonObject {
  return createOpenApiDocument(withDocument(routes, version), version, options);
}
