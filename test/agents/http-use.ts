import type { HttpCall } from './recording-relay.ts';

/** What a client's HTTP transport needed of the server. */
export interface HttpUse {
  /** Revisions that `initialize` asked for. */
  readonly asked: readonly string[];
  /** What `MCP-Protocol-Version` said in later requests; `none` where it was left out. */
  readonly header: readonly string[];
  readonly sessions: number;
  /** Every request but `initialize` named its session. */
  readonly keepsSession: boolean;
  readonly toolCalls: number;
  /** Status of each GET for the standing stream. */
  readonly streams: readonly string[];
  /** Status of each GET that came back to a stream with `Last-Event-ID`. */
  readonly resumed: readonly string[];
  /** Status of each DELETE. */
  readonly ends: readonly string[];
  /** Requests without a key, or to another path than /mcp, or refused, each with its status: a client needs none. */
  readonly unusual: readonly string[];
}

/** Undefined when nothing was asked over HTTP. */
export function httpUseOf(calls: readonly HttpCall[]): HttpUse | undefined {
  if (calls.length === 0) return undefined;
  const begins = calls.filter(({ rpc }) => rpc.includes('initialize'));
  const later = calls.filter(({ rpc, path }) => path === '/mcp' && !rpc.includes('initialize'));
  const ofMethod = (method: string, isResumed = false): string[] =>
    later.filter((call) => call.method === method && call.isResumed === isResumed).map(statusOf);
  return {
    asked: unique(begins.map(({ asked = 'none' }) => asked)),
    header: unique(later.map(({ revision = 'none' }) => revision)),
    sessions: begins.filter(({ status }) => status === 200).length,
    keepsSession: later.every(({ hasSession }) => hasSession),
    toolCalls: calls.flatMap(({ rpc }) => rpc).filter((method) => method === 'tools/call').length,
    streams: ofMethod('GET'),
    resumed: ofMethod('GET', true),
    ends: ofMethod('DELETE'),
    unusual: unique(calls.filter(isUnusual).map(shown)),
  };
}

/** One line for people. */
export function httpUseText(use: HttpUse): string {
  const list = (words: readonly string[]): string => words.join(', ') || 'none';
  return [
    `initialize asks for ${list(use.asked)}`,
    `MCP-Protocol-Version: ${list(use.header)}`,
    `sessions: ${use.sessions}${use.keepsSession ? '' : ' (not named by every request)'}`,
    `tool calls: ${use.toolCalls}`,
    `GET streams: ${list(use.streams)}`,
    `resumed: ${list(use.resumed)}`,
    `DELETE: ${list(use.ends)}`,
    `unusual: ${list(use.unusual)}`,
  ].join('; ');
}

function isUnusual({ method, path, hasKey, status = 0 }: HttpCall): boolean {
  // The protocol's own word for "there is no stream" is no refusal.
  const isRefused = status >= 400 && !(method === 'GET' && status === 405);
  return path !== '/mcp' || !hasKey || isRefused;
}

function shown(call: HttpCall): string {
  const { method, path, rpc, hasKey } = call;
  const what = [method, path, ...rpc].join(' ');
  return `${what} (${statusOf(call)}${hasKey ? '' : ', no key'})`;
}

function statusOf({ status }: HttpCall): string {
  return status === undefined ? 'no answer' : String(status);
}

function unique(words: readonly string[]): string[] {
  return [...new Set(words)];
}
