import { Registry, collectDefaultMetrics } from 'prom-client';
import type { Application } from '../application/application.ts';
import { createMcpEndpoint, type McpEndpointOptions } from '../mcp/http/mcp-endpoint.ts';
import type { Config } from '../config/config-schema.ts';
import type { IdSource } from '../ports/id-source.ts';
import type { Store } from '../ports/store.ts';
import { createEngineMetrics, type ProcessCounts } from './engine-metrics.ts';
import type { Authenticate } from './key-verdicts.ts';
import { createSessionMetrics } from './session-metrics.ts';
import { createRestApi } from './rest/create-rest-api.ts';
import { serveEndpoints, type HttpService } from './serve-endpoints.ts';

export interface ServeHttpOptions extends Omit<
  McpEndpointOptions,
  'application' | 'limits' | 'live'
> {
  readonly application: Application;
  readonly authenticate: Authenticate;
  readonly store: Store;
  readonly clock: McpEndpointOptions['live']['clock'];
  readonly ids: IdSource;
  readonly settings: Config['http'];
  /** Of this process. */
  readonly counts: ProcessCounts;
}

/**
 * MCP at /mcp, REST at /api/v1, /healthz, /readyz and /metrics on one port. What was answered with success is durable, so
 * that the process may die at any moment; sessions and streams end with it. Rejects with ListenError.
 */
export async function serveHttp(options: ServeHttpOptions): Promise<HttpService> {
  const { application, store, clock, logger, version, settings, counts } = options;
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const engineMetrics = createEngineMetrics(registry, { application, counts });
  const ending = new AbortController();
  const mcp = createMcpEndpoint({
    ...options,
    live: { changes: store, clock },
    limits: { bodyBytes: settings.maxBodyBytes },
  });
  createSessionMetrics(registry, mcp);
  const rest = createRestApi({
    ...{ application, logger, version },
    // Waits end with it, and what they answer is true then: a use case's signal never stops more than a wait.
    shutdown: ending.signal,
  });
  return serveEndpoints({
    ...options,
    ...{ mcp, rest, registry },
    endWaits: () => ending.abort(),
    metrics: async () => {
      await engineMetrics.refresh();
      return { contentType: registry.contentType, text: await registry.metrics() };
    },
  });
}
