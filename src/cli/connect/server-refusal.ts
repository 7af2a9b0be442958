import { CliFailure } from '../cli-failure.ts';
import { EXIT } from '../exit-codes.ts';
import type { NoResult } from './mcp-exchange.ts';
import { outsideText } from './outside-text.ts';

/** One try to reach a server. */
export interface Attempt {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  /** What was sent, in order; grows. */
  readonly tried: string[];
}

type Problem = NoResult | { readonly kind: 'otherProtocol'; readonly versions: readonly string[] };

interface Refusal {
  readonly code: string;
  /** It may well answer later. */
  readonly isUnavailable?: boolean;
  readonly message: string;
  readonly next: string;
}

const CORRECT = 'Give --http the URL of an MCP server (Streamable HTTP), path included.';
const START = 'Start the server there or correct the URL, then run the same command again.';
const UNTRUSTED =
  /^(?:ERR_TLS_|ERR_SSL_|CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|EPROTO$|HOSTNAME_MISMATCH$)/;

/** How `fetch` says that it did not even try. */
const BAD_PORT = 'bad port';

/** A URL without what may hold a secret. */
export function shownUrl({ origin, pathname, search }: URL): string {
  return `${origin}${pathname}${search === '' ? '' : '?…'}`;
}

/** Throws the failure for what a server answered. */
export function refuse(attempt: Attempt, problem: Problem): never {
  throw failure(attempt, refusalOf(attempt, problem));
}

/** Throws the failure for what came of no answer; anything else again. */
export function refuseUnreachable(attempt: Attempt, error: unknown, signal: AbortSignal): never {
  if (error instanceof CliFailure) throw error;
  if (signal.aborted)
    throw failure(attempt, {
      code: 'server_unavailable',
      isUnavailable: true,
      message: `no complete answer within ${attempt.timeoutMs / 1_000} s`,
      next: START,
    });
  // What `fetch` and the reading of a body reject with has a cause; a mistake of Baton's has none.
  if (!(error instanceof TypeError) || error.cause === undefined) throw error;
  const { code, reason } = causeOf(error, attempt.headers);
  if (UNTRUSTED.test(code))
    throw failure(attempt, {
      code: 'untrusted_server',
      message: `no trusted TLS connection: ${reason}`,
      next: 'Correct the URL (http or https) or the certificate; NODE_EXTRA_CA_CERTS names an authority of your own.',
    });
  if (reason === BAD_PORT)
    throw failure(attempt, {
      code: 'refused_port',
      message: `port ${attempt.url.port} is one of those that are never called over HTTP (the "bad ports" of the Fetch standard), by Baton and most clients; nothing was sent`,
      next: 'Start the server on another port and give its URL.',
    });
  throw failure(attempt, {
    code: 'server_unavailable',
    isUnavailable: true,
    message: `no answer: ${reason}`,
    next: START,
  });
}

function failure({ url, tried }: Attempt, refusal: Refusal): CliFailure {
  const { code, isUnavailable = false, message, next } = refusal;
  return new CliFailure({
    exitCode: isUnavailable ? EXIT.storeUnavailable : EXIT.usage,
    code,
    message: `${shownUrl(url)}: ${message}; tried ${tried.join(', then ')}`,
    changed: 'nothing',
    next,
  });
}

function refusalOf({ url, headers }: Attempt, problem: Problem): Refusal {
  const code = 'no_mcp_server';
  switch (problem.kind) {
    case 'noMcp':
      return {
        code,
        message: `no MCP server answers: ${outsideText(problem.reason, headers)}`,
        next: CORRECT,
      };
    case 'error': {
      const said = `${problem.code}, ${outsideText(problem.message, headers)}`;
      return { code, message: `refused as an error of MCP (${said})`, next: CORRECT };
    }
    case 'otherProtocol': {
      const said = outsideText(problem.versions.join(', '), headers);
      const message = `an MCP server of another protocol revision (${said})`;
      return {
        code: 'unsupported_protocol',
        message,
        next: 'Give --http a server of a revision that was tried.',
      };
    }
    case 'redirect':
      return redirected(url, headers, problem);
    case 'refusal':
      return refusedBy(problem.status, headers);
  }
}

function redirected(
  url: URL,
  headers: Attempt['headers'],
  { status, location }: Extract<Problem, { kind: 'redirect' }>,
): Refusal {
  const target = location === null ? null : URL.parse(location, url.href);
  const shown = target === null ? 'nowhere' : outsideText(shownUrl(target), headers);
  const where = target?.origin === url.origin ? '' : 'another origin, ';
  return {
    code: 'redirected',
    message: `HTTP ${status} redirects to ${where}${shown}, which was not followed`,
    next:
      target === null ? CORRECT : `If that is the server you mean, give its URL: --http ${shown}`,
  };
}

function refusedBy(status: number, headers: Attempt['headers']): Refusal {
  if (status === 401 || status === 403) {
    const given = Object.entries(headers);
    const isReference = given.some(([, value]) => /\$\{|\{env:/.test(value));
    const hint = isReference
      ? ' A header is sent as it is given: references are not resolved here.'
      : '';
    return {
      code: 'authentication_required',
      message: `HTTP ${status}: the server does not let this request in`,
      next: `${given.length === 0 ? 'Give what it asks for' : 'Correct what it is given'}: --header 'Authorization=Bearer …'.${hint}`,
    };
  }
  const isUnavailable = status === 429 || status >= 500;
  return {
    code: isUnavailable ? 'server_unavailable' : 'no_mcp_server',
    isUnavailable,
    message: `no MCP server answers: HTTP ${status}`,
    next: isUnavailable ? 'Try again when the server is well.' : CORRECT,
  };
}

/** `fetch` says only that it failed; several addresses of one name fail each with its own cause. */
function causeOf(
  error: Error,
  headers: Attempt['headers'],
): { readonly code: string; readonly reason: string } {
  const { cause } = error;
  const first: unknown = cause instanceof AggregateError ? cause.errors[0] : cause;
  if (!(first instanceof Error)) return { code: '', reason: outsideText(error.message, headers) };
  const code = 'code' in first && typeof first.code === 'string' ? first.code : '';
  const reason = outsideText(first.message || code || error.message, headers);
  return { code, reason };
}
