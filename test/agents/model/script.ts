import type { Exchange, ModelRequest, Turn } from './model-request.ts';

/** What the scripted model is to do with Baton's tools. */
export interface Scenario {
  readonly workflow: string;
  readonly agentId: string;
  readonly capability: string;
  readonly output: Readonly<Record<string, unknown>>;
  /** Arguments for the client's own tool that reads resources, where it has one. */
  readonly resource: ((runId: string) => Readonly<Record<string, unknown>>) | undefined;
}

/** The name that both clients give it that have one. */
export const READ_RESOURCE = 'read_mcp_resource';

/** Said at the very end of a conversation that went well. */
export const ALL_DONE = 'All done:';
/** Waits of one kind before the model gives up: 5 is where some clients stop identical calls. */
const MAX_WAITS = 8;
/** Well under the 60 s after which two of the clients give up a call. */
const WAIT_SECONDS = 10;

/**
 * The next turn: a pure function of the conversation as the client sent it, so that a request that a client repeats is
 * answered alike, and whatever the model knows has reached it through the client.
 */
export function nextTurn({ tools, exchanges }: ModelRequest, scenario: Scenario): Turn {
  const offered = (tool: string): string | undefined => tools.find((name) => isNameOf(name, tool));
  if (offered('list_catalog') === undefined) return say('No tools of Baton here.');
  const wish = nextCall(
    (tool) => exchanges.filter((each) => isCallOf(each, tool)),
    offered(READ_RESOURCE) === undefined ? { ...scenario, resource: undefined } : scenario,
  );
  if (wish.kind === 'say') return wish;
  const tool = offered(wish.tool);
  return tool === undefined ? say(`Gave up: ${wish.tool} is not offered.`) : { ...wish, tool };
}

/** Whether `exchange` called Baton's `tool`, under whatever name the client gives it. */
export function isCallOf({ tool: name }: Exchange, tool: string): boolean {
  return isNameOf(name, tool);
}

/** Clients put the server's name before that of the tool. */
function isNameOf(name: string, tool: string): boolean {
  return name === tool || new RegExp(`[^a-z]${tool}$`).test(name);
}

type CallsOf = (tool: string) => readonly Exchange[];

function nextCall(callsOf: CallsOf, scenario: Scenario): Turn {
  const catalog = callsOf('list_catalog').at(-1);
  if (!catalog) return call('list_catalog', {});
  if (!catalog.result.includes(scenario.workflow)) return gaveUp(catalog, scenario.workflow);
  const started = callsOf('start_workflow').at(-1);
  if (!started)
    return call('start_workflow', {
      workflow: scenario.workflow,
      input: { client: scenario.agentId },
      idempotency_key: scenario.agentId,
    });
  const runId = /run ([0-9a-z]{20,}) of/.exec(started.result)?.[1];
  if (runId === undefined) return gaveUp(started, 'a run id');
  return (
    taskTurn(callsOf, scenario) ??
    awaitTurn(callsOf('await_workflow'), runId) ??
    resourceTurn(callsOf(READ_RESOURCE), runId, scenario) ??
    say(`${ALL_DONE} run ${runId} has finished.`)
  );
}

/** Undefined when the task is reported. */
function taskTurn(callsOf: CallsOf, { agentId, capability, output }: Scenario): Turn | undefined {
  const claims = callsOf('claim_task');
  const claim = claims.at(-1);
  const task = fieldOf(claim, 'task');
  if (task === undefined) {
    if (claim && claims.length >= MAX_WAITS) return gaveUp(claim, 'a task');
    const cursor = fieldOf(claim, 'next_cursor');
    return call('claim_task', {
      agent_id: agentId,
      capabilities: [capability],
      wait_seconds: WAIT_SECONDS,
      ...(cursor !== undefined && { cursor }),
    });
  }
  const reports = callsOf('report_task');
  // First an output against the contract: the agent has to learn what is wrong, and to keep the task.
  if (reports.length === 0) return call('report_task', { task, action: 'complete', output: {} });
  if (reports.length === 1) return call('report_task', { task, action: 'complete', output });
  return undefined;
}

/** Undefined when the run has finished. */
function awaitTurn(waits: readonly Exchange[], runId: string): Turn | undefined {
  const last = waits.at(-1);
  if (fieldOf(last, 'finished') === 'true') return undefined;
  if (last && waits.length >= MAX_WAITS) return gaveUp(last, 'finished: true');
  const cursor = fieldOf(last, 'next_cursor');
  return call('await_workflow', {
    run_id: runId,
    wait_seconds: WAIT_SECONDS,
    ...(cursor !== undefined && { cursor }),
  });
}

/** Undefined when there is nothing to read with, or it has been read. */
function resourceTurn(
  reads: readonly Exchange[],
  runId: string,
  { resource }: Scenario,
): Turn | undefined {
  return resource && reads.length === 0 ? call(READ_RESOURCE, resource(runId)) : undefined;
}

/**
 * The value of a line `name: value` of a tool's text. Cline shows the model the result as JSON, where lines are
 * separated by a written `\n`.
 */
export function fieldOf(exchange: Exchange | undefined, name: string): string | undefined {
  return new RegExp(`(?:^|\\n|\\\\n|")${name}: ([\\w.~:+/=-]+)`).exec(exchange?.result ?? '')?.[1];
}

function gaveUp({ tool, result }: Exchange, missing: string): Turn {
  return say(`Gave up: ${tool} answered no ${missing}: ${result.slice(0, 600)}`);
}

function call(tool: string, args: Readonly<Record<string, unknown>>): Turn {
  return { kind: 'call', tool, args };
}

function say(text: string): Turn {
  return { kind: 'say', text };
}
