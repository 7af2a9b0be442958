import { z } from 'zod';
import { endSession, exchange, type NoResult, type Reply } from './mcp-exchange.ts';
import { refuse, refuseUnreachable, type Attempt } from './server-refusal.ts';

const TIMEOUT_MS = 5_000;
const SESSION_REVISION = '2025-11-25';
/** What a server may answer to `initialize`; clients settle the revision with it themselves. */
const SESSION_REVISIONS = [SESSION_REVISION, '2025-06-18', '2025-03-26', '2024-11-05'];
const MODERN_REVISION = '2026-07-28';
const META = 'io.modelcontextprotocol';

export interface ProofRequest {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** Of this Baton, for the server's logs. */
  readonly version: string;
  /** Default: 5 s for everything. */
  readonly timeoutMs?: number;
}

/** What the server says of itself; text from outside. */
export interface ProvenServer {
  readonly name?: string;
  readonly version?: string;
  readonly protocol: string;
}

const identitySchema = z
  .object({ name: z.string().optional(), version: z.string().optional() })
  .catch({});
const initializedSchema = z.object({ protocolVersion: z.string(), serverInfo: identitySchema });
const discoveredSchema = z.object({
  supportedVersions: z.array(z.string()),
  _meta: z
    .object({ [`${META}/serverInfo`]: identitySchema })
    .optional()
    .catch(undefined),
});

/**
 * That an MCP server answers at the URL, with these headers: it is asked to `initialize` (Streamable HTTP), and where it
 * knows no such method or revision, to `server/discover`. It says nothing of the server's tools, nor of tomorrow. A
 * session that the server begins for it is ended; if the process dies before, the server forgets it in its time. Throws
 * a failure that says what was tried and what came of it.
 */
export async function proveServer(request: ProofRequest): Promise<ProvenServer> {
  const { url, headers, version, timeoutMs = TIMEOUT_MS } = request;
  const signal = AbortSignal.timeout(timeoutMs);
  const clientInfo = { name: 'baton-connect', version };
  const attempt: Attempt = { url, headers, timeoutMs, tried: [] };
  try {
    const first = await initialize(attempt, signal, clientInfo);
    if (first.kind !== 'error') return readInitialized(attempt, first);
    const second = await discover(attempt, signal, clientInfo);
    return readDiscovered(attempt, first, second);
  } catch (error) {
    return refuseUnreachable(attempt, error, signal);
  }
}

interface ClientInfo {
  readonly name: string;
  readonly version: string;
}

async function initialize(
  attempt: Attempt,
  signal: AbortSignal,
  clientInfo: ClientInfo,
): Promise<Reply> {
  attempt.tried.push(`initialize (${SESSION_REVISION})`);
  const target = { url: attempt.url.href, headers: attempt.headers, signal };
  const { reply, sessionId } = await exchange({
    ...target,
    method: 'initialize',
    params: { protocolVersion: SESSION_REVISION, capabilities: {}, clientInfo },
  });
  if (sessionId !== null) {
    const result =
      reply.kind === 'result' ? initializedSchema.safeParse(reply.result).data : undefined;
    await endSession(target, sessionId, result?.protocolVersion ?? SESSION_REVISION);
  }
  return reply;
}

/** The revision without sessions carries in each request what `initialize` settled before. */
async function discover(
  attempt: Attempt,
  signal: AbortSignal,
  clientInfo: ClientInfo,
): Promise<Reply> {
  attempt.tried.push(`server/discover (${MODERN_REVISION})`);
  const { reply } = await exchange({
    url: attempt.url.href,
    headers: {
      ...attempt.headers,
      'MCP-Protocol-Version': MODERN_REVISION,
      'Mcp-Method': 'server/discover',
    },
    signal,
    method: 'server/discover',
    params: {
      _meta: {
        [`${META}/protocolVersion`]: MODERN_REVISION,
        [`${META}/clientInfo`]: clientInfo,
        [`${META}/clientCapabilities`]: {},
      },
    },
  });
  return reply;
}

function readInitialized(attempt: Attempt, reply: Reply): ProvenServer {
  if (reply.kind !== 'result') return refuse(attempt, reply);
  const { data } = initializedSchema.safeParse(reply.result);
  if (data === undefined)
    return refuse(attempt, { kind: 'noMcp', reason: 'a result that is none of initialize' });
  const { protocolVersion, serverInfo } = data;
  if (!SESSION_REVISIONS.includes(protocolVersion))
    return refuse(attempt, { kind: 'otherProtocol', versions: [protocolVersion] });
  return { ...serverInfo, protocol: protocolVersion };
}

/** What cannot discover either is told by what it said to `initialize`. */
function readDiscovered(attempt: Attempt, first: NoResult, second: Reply): ProvenServer {
  const data =
    second.kind === 'result' ? discoveredSchema.safeParse(second.result).data : undefined;
  if (data === undefined) return refuse(attempt, first);
  if (!data.supportedVersions.includes(MODERN_REVISION))
    return refuse(attempt, { kind: 'otherProtocol', versions: data.supportedVersions });
  return { ...data._meta?.[`${META}/serverInfo`], protocol: MODERN_REVISION };
}
