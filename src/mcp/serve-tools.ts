import {
  ProtocolError,
  ProtocolErrorCode,
  type CallToolResult,
  type InputRequiredResult,
  type McpServer,
} from '@modelcontextprotocol/server';
import { argumentsAfter, type AskUser, type AskingCall } from './ask-user.ts';
import { logDefect, type Serving } from './serving.ts';
import type { Tasks } from './tasks/serve-tasks.ts';
import type { ToolRegistry } from './tool-registry.ts';
import { defectResult, errorResult, toolResult } from './tool-result.ts';

export function serveTools(
  { server }: McpServer,
  tools: ToolRegistry,
  serving: Serving,
  { askUser, tasks }: { readonly askUser: AskUser | undefined; readonly tasks: Tasks | undefined },
): void {
  server.setRequestHandler('tools/list', () => ({
    tools: tools.tools.map(({ listing }) => listing),
  }));
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- clients before 2026-07-28 say what they can only once
  const capabilities = (): object | undefined => server.getClientCapabilities();
  server.setRequestHandler('tools/call', async ({ params }, request) => {
    const call = { name: params.name, args: params.arguments, request };
    const run = (args: unknown) => callTool(tools, serving, { ...call, args });
    if (tasks?.augments(call) === true) return tasks.call(call, run);
    if (askUser === undefined) return run(call.args);
    return callAsking(call, { serving, askUser, capabilities, run });
  });
}

interface Asking {
  readonly serving: Serving;
  readonly askUser: AskUser;
  readonly capabilities: () => object | undefined;
  readonly run: (args: unknown) => Promise<CallToolResult>;
}

async function callAsking(
  call: AskingCall,
  { serving, askUser, capabilities, run }: Asking,
): Promise<CallToolResult | InputRequiredResult> {
  const context = serving.contextOf(call.request);
  const answered = await askUser.settle(context, call);
  const ask = () => askUser.question(call, context, capabilities());
  // Asked for first: `await_workflow` would wait for what only the user can bring about.
  const before = call.name === 'await_workflow' ? await ask() : undefined;
  if (before !== undefined) return before;
  const result = await run(argumentsAfter(answered, call.name, call.args));
  return (await ask()) ?? result;
}

async function callTool(
  tools: ToolRegistry,
  { application, logger, contextOf }: Serving,
  { name, args, request }: AskingCall,
): Promise<CallToolResult> {
  const tool = tools.find(name);
  if (tool === undefined) return unavailableTool(tools, name);
  try {
    return toolResult(await tool.call(application, contextOf(request), args));
  } catch (error) {
    return defectResult(logDefect(logger, name, error));
  }
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
