import { callerIdOf } from '../caller-id.ts';
import { DeclinedQuestions } from '../declined-questions.ts';
import { createConnection, type McpServerOptions } from '../server.ts';
import { DEFAULT_MCP_LIMITS, type McpLimits } from './mcp-limits.ts';
import { serveConnections, type McpEndpoint } from './serve-connections.ts';
import { WatchBudgets } from './watch-budgets.ts';

export interface McpEndpointOptions extends Omit<McpServerOptions, 'caller' | 'live' | 'ending'> {
  readonly live: NonNullable<McpServerOptions['live']>;
  /** Default: DEFAULT_MCP_LIMITS. */
  readonly limits?: Partial<McpLimits>;
}

/** Baton's MCP server over Streamable HTTP: see McpEndpoint. */
export function createMcpEndpoint({ limits, ...options }: McpEndpointOptions): McpEndpoint {
  const ending = new AbortController();
  // A client of 2026-07-28 has no connection that would remember.
  const askUser = options.askUser && { declined: new DeclinedQuestions(), ...options.askUser };
  const { watchedPerCaller = DEFAULT_MCP_LIMITS.watchedPerCaller } = limits ?? {};
  const budgets = new WatchBudgets(watchedPerCaller);
  return serveConnections({
    connect: (caller) =>
      createConnection({
        ...options,
        ...(askUser && { askUser }),
        live: { ...options.live, budget: budgets.of(callerIdOf(caller)) },
        caller,
        ending: ending.signal,
      }),
    clock: options.live.clock,
    logger: options.logger,
    onClosing: () => ending.abort(),
    ...(limits && { limits }),
  });
}
