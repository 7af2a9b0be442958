import { usageFailure } from '../cli-failure.ts';
import type { Invocation } from '../cli.ts';
import type { WantedServer } from './entry-words.ts';
import { checkAgentKey } from './check-agent-key.ts';
import { isLoopback } from '../../http/loopback.ts';
import { outsideText } from './outside-text.ts';
import { proveServer, type ProvenServer } from './prove-server.ts';
import { shownUrl } from './server-refusal.ts';

/** What belongs to a process that the client starts. */
const OF_A_PROCESS = ['env', 'toolsets', 'store', 'config'];
const HEADER = /^([A-Za-z0-9!#$%&'*+.^_`|~-]+)=(.+)$/s;
/** RFC 9110, section 5.5, without white space at the ends. */
const HEADER_VALUE = /^[!-~\x80-\xff](?:[\t -~\x80-\xff]*[!-~\x80-\xff])?$/;
/** What the protocol and HTTP itself set; a client would send two, or the wrong one. */
const RESERVED =
  /^(?:accept|host|content-.*|transfer-encoding|connection|upgrade|te|trailer|keep-alive|mcp-.*|last-event-id)$/i;

export interface HttpServer {
  readonly wanted: Extract<WantedServer, { kind: 'http' }>;
  readonly server: ProvenServer;
  readonly notes: readonly string[];
}

/** The server that `--http` and `--header` describe, after it has answered as one. Throws a failure. */
export async function readHttpServer(
  invocation: Invocation,
  text: string,
  name: string,
): Promise<HttpServer> {
  const local = OF_A_PROCESS.filter(
    (option) => invocation.text(option) !== undefined || invocation.texts(option).length > 0,
  );
  if (local.length > 0)
    throw usageFailure(
      `--http registers a server that runs already: --${local.join(', --')} would not reach it`,
      'Leave them out and set them where the server is started, or leave --http out.',
    );
  const url = readUrl(text);
  const headers = readHeaders(invocation.texts('header'));
  const notesOnKey = await checkAgentKey(invocation, headers);
  const proven = await proveServer({ url, headers, version: invocation.cli.version });
  const server = shownServer(proven, headers);
  const notes = [...notesOnUrl(url), ...notesOnKey, ...notesOnServer(server, name)];
  return { wanted: { kind: 'http', url: url.href, headers }, server, notes };
}

/** The URL is not repeated: it may hold a password. */
function readUrl(text: string): URL {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol))
    throw usageFailure(
      '--http is given no URL that begins with http:// or https://',
      'For example: --http http://127.0.0.1:3000/mcp',
    );
  if (url.username !== '' || url.password !== '')
    throw usageFailure(
      `--http ${shownUrl(url)} is given with a user name or password in it, which clients refuse`,
      `Give them as a header: --header 'Authorization=Basic …'`,
    );
  url.hash = ''; // never sent
  return url;
}

function readHeaders(given: readonly string[]): Record<string, string> {
  const headers = new Map<string, [string, string]>();
  for (const text of given) {
    const [name, value] = readHeader(text);
    if (headers.has(name.toLowerCase()))
      throw usageFailure(`--header ${name} is given twice`, 'Leave one of them out.');
    headers.set(name.toLowerCase(), [name, value]);
  }
  return Object.fromEntries(headers.values());
}

/** The value may be a secret: it is never repeated. */
function readHeader(text: string): [string, string] {
  const [, name, value = ''] = HEADER.exec(text) ?? [];
  const example = `For example: --header 'Authorization=Bearer …'`;
  if (name === undefined)
    throw usageFailure(
      '--header is given something that is not NAME=VALUE, or whose NAME no header can have',
      example,
    );
  const trimmed = value.trim();
  if (!HEADER_VALUE.test(trimmed))
    throw usageFailure(
      `--header ${name}: the value is empty, or holds a character that no header can hold`,
      example,
    );
  if (RESERVED.test(name))
    throw usageFailure(`--header ${name}: clients set this one themselves`, 'Leave it out.');
  return [name, trimmed];
}

export function notesOnUrl(url: URL): string[] {
  if (url.protocol === 'https:' || isLoopback(url.hostname)) return [];
  return [
    `${shownUrl(url)} is reached without encryption: whoever is on the way can read and change what is sent, headers included; https:// prevents it`,
  ];
}

function shownServer(
  { name, version, protocol }: ProvenServer,
  headers: Readonly<Record<string, string>>,
): ProvenServer {
  return {
    ...(name !== undefined && { name: outsideText(name, headers) }),
    ...(version !== undefined && { version: outsideText(version, headers) }),
    protocol,
  };
}

function notesOnServer({ name, version, protocol }: ProvenServer, registered: string): string[] {
  const itself = [name ?? 'no name', version].filter((word) => word !== undefined).join(' ');
  return [
    ...(name === 'baton'
      ? []
      : [
          `the server there calls itself ${itself}, not baton; it goes by "${registered}" here all the same`,
        ]),
    ...(protocol === '2026-07-28'
      ? [`the server speaks MCP ${protocol} only: a client of an earlier revision cannot use it`]
      : []),
  ];
}
