import { Readable, Writable } from 'node:stream';
import * as acp from '@agentclientprotocol/sdk';
import { withTimeout, type Child } from './child-process.ts';

/** What an agent told over the Agent Client Protocol while it worked. */
export interface AcpOutcome {
  /** `end_turn` when the agent says that it is done; else why it stopped. */
  readonly stopReason: string;
  readonly permissionsGranted: number;
  /** Titles of tool calls that the agent reported as failed. */
  readonly failedCalls: readonly string[];
  /** Names of the commands it offers to a person; prompts of MCP servers are among them where it uses them. */
  readonly commands: readonly string[];
}

export interface AcpRequest {
  readonly cwd: string;
  readonly prompt: string;
  /** A second prompt, chosen from the commands that the agent offers; undefined: none. */
  readonly followUp: (commands: readonly string[]) => string | undefined;
  /** How to authenticate, for agents that ask for it. */
  readonly authMethodId?: string;
  /** For each request up to the first prompt. */
  readonly startTimeoutMs: number;
  /** For each prompt. */
  readonly promptTimeoutMs: number;
}

/** Hands the prompts to the agent behind `child` and waits for the end of its turns; the outcome is the first one's. */
export async function promptAgent(child: Child, request: AcpRequest): Promise<AcpOutcome> {
  const seen = { permissionsGranted: 0, failedCalls: [] as string[], commands: [] as string[] };
  const titles = new Map<string, string>();
  const app = acp
    .client({ name: 'baton-test-agents' })
    .onRequest(acp.methods.client.session.requestPermission, ({ params }) => {
      const allowed = allowingOption(params.options);
      if (allowed === undefined) return { outcome: { outcome: 'cancelled' } };
      seen.permissionsGranted += 1;
      return { outcome: { outcome: 'selected', optionId: allowed } };
    })
    .onNotification(acp.methods.client.session.update, ({ params: { update } }) => {
      if (update.sessionUpdate === 'tool_call') titles.set(update.toolCallId, update.title);
      if (update.sessionUpdate === 'available_commands_update')
        seen.commands = update.availableCommands.map(({ name }) => name);
      const isCall =
        update.sessionUpdate === 'tool_call' || update.sessionUpdate === 'tool_call_update';
      if (isCall && update.status === 'failed')
        seen.failedCalls.push(titles.get(update.toolCallId) ?? update.toolCallId);
    });
  const stream = acp.ndJsonStream(
    Writable.toWeb(child.stdin),
    // Node types its web streams apart from the standard's; at run time they are the same.
    Readable.toWeb(child.stdout) as ReadableStream<Uint8Array>,
  );
  const gone = child.ended.then(({ code }) => {
    throw new Error(`the agent ended with code ${String(code)}: ${child.stderrText().slice(-800)}`);
  });
  const stopReason = await Promise.race([
    gone,
    app.connectWith(stream, (agent) => converse(agent, request, () => seen.commands)),
  ]);
  return { stopReason, ...seen };
}

async function converse(
  agent: acp.ClientContext,
  request: AcpRequest,
  commands: () => readonly string[],
): Promise<string> {
  const { cwd, authMethodId, startTimeoutMs, promptTimeoutMs } = request;
  const { agent: methods } = acp.methods;
  const initialised = agent.request(methods.initialize, {
    protocolVersion: acp.PROTOCOL_VERSION,
    clientInfo: { name: 'baton-test-agents', version: '1' },
    clientCapabilities: {},
  });
  await withTimeout(initialised, startTimeoutMs, 'initialize');
  if (authMethodId !== undefined) {
    const authenticated = agent.request(methods.authenticate, { methodId: authMethodId });
    await withTimeout(authenticated, startTimeoutMs, 'authenticate');
  }
  // The agent has its MCP servers from its own configuration: that is what is tested.
  const created = agent.request(methods.session.new, { cwd, mcpServers: [] });
  const { sessionId } = await withTimeout(created, startTimeoutMs, 'session/new');
  const ask = async (text: string): Promise<string> => {
    const prompted = agent.request(methods.session.prompt, {
      sessionId,
      prompt: [{ type: 'text', text }],
    });
    return (await withTimeout(prompted, promptTimeoutMs, 'session/prompt')).stopReason;
  };
  const stopReason = await ask(request.prompt);
  const followUp = request.followUp(commands());
  if (followUp !== undefined) await ask(followUp);
  return stopReason;
}

/** By kind, never by position: agents order their options as they like. */
function allowingOption(options: readonly acp.PermissionOption[]): string | undefined {
  const ofKind = (kind: acp.PermissionOptionKind): string | undefined =>
    options.find((option) => option.kind === kind)?.optionId;
  return ofKind('allow_once') ?? ofKind('allow_always');
}
