/** Of this server, in the range that JSON-RPC leaves to servers. */
export const SERVER_ERROR = -32_000;
/** What the SDK answers for a session that is not there. */
export const SESSION_NOT_FOUND = -32_001;
export const PARSE_ERROR = -32_700;
export const INTERNAL_ERROR = -32_603;
export const INVALID_PARAMS = -32_602;

export interface RpcError {
  readonly code: number;
  readonly message: string;
  readonly data?: unknown;
}

/** An error that is no answer of a server object: JSON-RPC, in a response with this status. */
export function rpcError(
  status: number,
  error: RpcError,
  { id = null, headers }: { id?: string | number | null; headers?: Record<string, string> } = {},
): Response {
  return Response.json({ jsonrpc: '2.0', error, id }, { status, ...(headers && { headers }) });
}

/** The id of a request, for an error that answers it; `null` where there is no single one. */
export function requestIdOf(body: unknown): string | number | null {
  if (typeof body !== 'object' || body === null || !('method' in body) || !('id' in body))
    return null;
  return typeof body.id === 'string' || typeof body.id === 'number' ? body.id : null;
}
