import { randomUUID } from 'node:crypto';
import { McpServer, ProtocolError, ProtocolErrorCode } from '@modelcontextprotocol/server';
import type { CallToolResult, ServerContext } from '@modelcontextprotocol/server';
import type { Application } from '../application/application.ts';
import { MAX_WAIT_SECONDS } from '../application/call-arguments.ts';
import { tools as allTools } from '../../tools/index.ts';
import type { Logger } from '../ports/logger.ts';
import { callContext } from './call-context.ts';
import { INSTRUCTIONS } from './instructions.ts';
import { createToolRegistry, type ToolRegistry, type ToolSelection } from './tool-registry.ts';
import { defectResult, errorResult, toolResult } from './tool-result.ts';

export interface McpServerOptions {
  readonly application: Application;
  /** Default: `core`. */
  readonly toolsets?: ToolSelection;
  /** Hides and refuses every tool that changes something. Default: false. */
  readonly readOnly?: boolean;
  readonly logger: Logger;
  /** Of Baton. */
  readonly version: string;
  /** Longest wait of one call, in seconds. Default and limit: 25. */
  readonly maxWaitSeconds?: number;
}

/** Answers a maker of server objects: one for each client, because a server object holds its connection's state. */
export function createServerFactory(options: McpServerOptions): () => McpServer {
  const { toolsets = 'core', readOnly = false } = options;
  const registry = createToolRegistry(allTools, { toolsets, readOnly });
  return () => buildServer(options, registry);
}

function buildServer(options: McpServerOptions, registry: ToolRegistry): McpServer {
  const mcp = new McpServer(
    { name: 'baton', title: 'Baton durable workflows', version: options.version },
    { instructions: INSTRUCTIONS },
  );
  // The low-level handlers, because the SDK's own would answer a bad argument or a defect in its words, not ours.
  mcp.server.registerCapabilities({ tools: { listChanged: false } });
  mcp.server.setRequestHandler('tools/list', () => ({
    tools: registry.tools.map(({ listing }) => listing),
  }));
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- clients before 2026-07-28 name themselves only here
  const caller = createCaller(options, registry, () => mcp.server.getClientVersion()?.name);
  mcp.server.setRequestHandler('tools/call', ({ params }, request) =>
    caller(params.name, params.arguments, request),
  );
  return mcp;
}

type Caller = (name: string, args: unknown, request: ServerContext) => Promise<CallToolResult>;

function createCaller(
  { application, logger, maxWaitSeconds = MAX_WAIT_SECONDS }: McpServerOptions,
  registry: ToolRegistry,
  clientName: () => string | undefined,
): Caller {
  const connectionId = randomUUID().slice(0, 8);
  return async (name, args, request) => {
    const tool = registry.find(name);
    if (tool === undefined) return unavailableTool(registry, name);
    const context = callContext(request, {
      id: connectionId,
      clientName: clientName(),
      maxWaitSeconds: Math.min(maxWaitSeconds, MAX_WAIT_SECONDS),
      onNotifyFailed: (error) =>
        logger.debug({ error: String(error) }, 'could not send a progress notification'),
    });
    try {
      return toolResult(await tool.call(application, context, args));
    } catch (error) {
      // Whatever was thrown may hold a step's input or a secret: the client gets a reference to the log.
      const reference = randomUUID().slice(0, 8);
      logger.error({ reference, tool: name, error: describeError(error) }, 'a tool call failed');
      return defectResult(reference);
    }
  };
}

function unavailableTool(registry: ToolRegistry, name: string): CallToolResult {
  const why = registry.whyHidden(name);
  const names = registry.tools.map((tool) => tool.name).join(', ');
  if (why !== undefined)
    return errorResult({
      code: 'tool_not_available',
      message: why,
      changed: 'nothing',
      next: `Tools available here: ${names}.`,
    });
  const nearest = registry.nearest(name);
  const hint = nearest === undefined ? '' : ` Did you mean "${nearest}"?`;
  throw new ProtocolError(
    ProtocolErrorCode.InvalidParams,
    `Unknown tool "${name.slice(0, 100)}".${hint} Tools: ${names}`,
  );
}

function describeError(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
