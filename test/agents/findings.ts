import type { AcpOutcome } from './acp-session.ts';
import type { AgentClient } from './clients/agent-client.ts';
import type { ModelLog } from './model/model-endpoint.ts';
import type { Transport } from './register-baton.ts';
import { httpUseText, type HttpUse } from './http-use.ts';
import { ALL_DONE, READ_RESOURCE, fieldOf, isCallOf } from './model/script.ts';

/** What one client could do; everything is false where it was not reached. */
export interface Findings {
  readonly client: AgentClient['name'];
  readonly version: string;
  readonly transport: Transport;
  readonly installed: boolean;
  /** Tools of Baton reached the model. */
  readonly connected: boolean;
  readonly batonTools: number;
  /** Baton's instructions reached the model. */
  readonly instructions: boolean;
  readonly started: boolean;
  readonly claimed: boolean;
  /** An output against the contract was refused with the reason. */
  readonly corrected: boolean;
  readonly completed: boolean;
  readonly awaited: boolean;
  /** By the store: one run, completed, its task completed once and by this client's agent. */
  readonly confirmed: boolean;
  /** Its calls came by the transport that was to be tried; over HTTP nothing was refused on the way. */
  readonly byTransport: boolean;
  /** A resource of Baton reached the model. */
  readonly resources: boolean;
  /** Prompts of Baton offered to a person. */
  readonly prompts: number;
  /** One of them, called by a person, reached the model with the run in it. */
  readonly promptUsed: boolean;
  readonly permissions: number;
  readonly seconds: number;
  /** What its transport needed; absent over stdio. */
  readonly http?: HttpUse;
  readonly passed: boolean;
  readonly notes: readonly string[];
}

export interface Evidence {
  readonly client: AgentClient;
  readonly transport: Transport;
  readonly log?: ModelLog;
  readonly acp?: AcpOutcome;
  readonly http?: HttpUse;
  /** Undefined: the store was not asked. */
  readonly complaints?: readonly string[];
  readonly installed: boolean;
  readonly seconds: number;
  readonly notes: readonly string[];
}

/** A sentence of the server's instructions that no tool description holds. */
const INSTRUCTIONS_MARK = 'Baton runs durable workflows';
/** In the `daily_status` prompt once the run has finished. */
const STATUS_MARK = 'agent-relay: 1 completed';
const PROMPT_NAMES = [
  'plan_workflow',
  'resume_work',
  'triage_failures',
  'review_before_approval',
  'handoff_brief',
  'daily_status',
];

export function findingsOf(evidence: Evidence): Findings {
  const { client, transport, log, acp, http, installed, seconds } = evidence;
  const tools = [...(log?.tools ?? [])];
  const batonTools = tools.filter((name) => name.includes('baton')).length;
  const calls = callsOf(log);
  const commands = acp?.commands ?? [];
  const confirmed = evidence.complaints?.length === 0;
  const saidDone = log?.lastWords.startsWith(ALL_DONE) === true;
  const reached = {
    connected: batonTools > 0,
    started: /run [0-9a-z]{20,} of/.test(calls('start_workflow')[0]?.result ?? ''),
    claimed: calls('claim_task').some((claim) => fieldOf(claim, 'task') !== undefined),
    corrected: calls('report_task')[0]?.result.includes('contract_violation') === true,
    completed: calls('report_task').some(({ result }) => result.includes('completion recorded')),
    awaited: calls('await_workflow').some((wait) => fieldOf(wait, 'finished') === 'true'),
    confirmed,
    // A client that found its way to Baton past the server has shown nothing of HTTP.
    byTransport: transport === 'http' ? isAtHome(http) : http === undefined,
  };
  return {
    client: client.name,
    version: client.version,
    transport,
    installed,
    batonTools,
    instructions: log?.prompt.includes(INSTRUCTIONS_MARK) === true,
    ...reached,
    resources: calls(READ_RESOURCE).some(({ result }) => /\\?"status\\?":/.test(result)),
    prompts: PROMPT_NAMES.filter((name) => commands.some((offered) => offered.includes(name)))
      .length,
    promptUsed: log?.prompt.includes(STATUS_MARK) === true,
    permissions: acp?.permissionsGranted ?? 0,
    seconds,
    ...(http && { http }),
    passed: Object.values(reached).every(Boolean) && saidDone && acp?.stopReason === 'end_turn',
    notes: [...evidence.notes, ...notesOf(evidence)],
  };
}

/** Calls came over HTTP, and nothing was refused on the way. */
function isAtHome(http: HttpUse | undefined): boolean {
  return http !== undefined && http.toolCalls > 0 && http.unusual.length === 0;
}

function notesOf(evidence: Evidence): string[] {
  const { log, acp, http, complaints = [] } = evidence;
  return [
    ...(http ? [httpUseText(http)] : []),
    ...(acp && acp.stopReason !== 'end_turn' ? [`stopped: ${acp.stopReason}`] : []),
    ...(isPromptLost(evidence)
      ? ['/daily_status is offered, but what it says did not reach the model']
      : []),
    // The report that is refused is to fail.
    ...(acp?.failedCalls.slice(1) ?? []).map(
      (title) => `the client reports a failed call: ${title}`,
    ),
    ...(log && !log.lastWords.startsWith(ALL_DONE)
      ? [`last words: ${log.lastWords || 'none'}`]
      : []),
    ...(log?.problems ?? []),
    ...complaints,
  ];
}

function isPromptLost({ log, acp }: Evidence): boolean {
  const isOffered = acp?.commands.some((name) => name.includes('daily_status')) === true;
  return isOffered && log?.prompt.includes(STATUS_MARK) !== true;
}

function callsOf(log: ModelLog | undefined): (tool: string) => ModelLog['exchanges'] {
  return (tool) => (log?.exchanges ?? []).filter((exchange) => isCallOf(exchange, tool));
}
