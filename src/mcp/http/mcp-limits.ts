/**
 * What clients of one process may hold of it. Reaching one costs the client that reached it, nobody else; only where all
 * sessions are taken, an idle one of whoever holds most gives way.
 */
export interface McpLimits {
  /** Sessions of clients before 2026-07-28, of all callers; shared out as `fairShares` has it. */
  readonly sessions: number;
  /** The one used longest ago ends when another begins; who finds its session gone starts anew. */
  readonly sessionsPerCaller: number;
  /** A session that nothing was asked of for so long, and that has no stream open, ends. */
  readonly sessionIdleMs: number;
  /** Requests of one session that are being worked on. */
  readonly requestsPerSession: number;
  /** Messages of one session kept for a client whose stream was cut; oldest go first. */
  readonly eventsPerSession: number;
  readonly eventBytesPerSession: number;
  /** The same, of all sessions. */
  readonly eventBytes: number;
  /** `subscriptions/listen` requests open at once. */
  readonly listening: number;
  readonly listeningPerCaller: number;
  /** Resources that a caller is subscribed to, over all its sessions and requests of both eras. */
  readonly watchedPerCaller: number;
  /** What may wait in one stream for a client that does not read it; then the stream is cut. */
  readonly backlogBytes: number;
  readonly bodyBytes: number;
}

export const DEFAULT_MCP_LIMITS: McpLimits = {
  sessions: 1_024,
  sessionsPerCaller: 256,
  sessionIdleMs: 30 * 60_000,
  requestsPerSession: 64,
  eventsPerSession: 500,
  eventBytesPerSession: 2 ** 20,
  eventBytes: 64 * 2 ** 20,
  listening: 1_024,
  listeningPerCaller: 64,
  watchedPerCaller: 1_000,
  backlogBytes: 2 ** 20,
  bodyBytes: 4 * 2 ** 20,
};
