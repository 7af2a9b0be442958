import { isIP } from 'node:net';

/** How the server itself is called, in the form of `URL.hostname`. */
const LOOPBACK_NAMES = ['localhost', '127.0.0.1', '[::1]'];
/** Stand for every address of the machine, and are none to be called by. */
const ANY_ADDRESS = new Set(['0.0.0.0', '[::]']);

export interface AllowLists {
  /** Whether a `Host` header names this server: what does not was led here by a name of somebody else's. */
  isHost(header: string | undefined): boolean;
  /** Whether a page of this origin may call: the server's own (that of the `Host`), or one that is listed. */
  isOrigin(origin: string, host: string | undefined): boolean;
}

/**
 * Against DNS rebinding and pages that call a server on their reader's machine: MCP specification 2025-11-25, Transports,
 * "Security Warning". Ports of `Host` are not compared, those of origins are: another program's page on this machine is
 * as foreign as any.
 */
export function createAllowLists(settings: {
  readonly host: string;
  readonly allowedHosts: readonly string[];
  readonly allowedOrigins: readonly string[];
}): AllowLists {
  const own = ownName(settings.host);
  const hosts = new Set([...LOOPBACK_NAMES, ...settings.allowedHosts]);
  if (own !== undefined && !isAnyAddress(settings.host)) hosts.add(own);
  const origins = new Set(settings.allowedOrigins);
  return {
    isHost: (header) => hosts.has(hostnameOf(header) ?? ''),
    isOrigin: (origin, host) => origins.has(origin) || isSame(origin, host),
  };
}

/** What the owner of a server should know that others can reach but only call `localhost`; nothing elsewhere. */
export function notesOnNames({
  host,
  allowedHosts,
}: {
  readonly host: string;
  readonly allowedHosts: readonly string[];
}): string[] {
  if (!isAnyAddress(host) || allowedHosts.length > 0) return [];
  return [
    'Requests by another name than localhost are refused (403): list what clients call this server, without a port, in http.allowedHosts.',
  ];
}

/** Whether it listens at every address of the machine, so that its own name says nothing of how it is called. */
function isAnyAddress(host: string): boolean {
  return ANY_ADDRESS.has(ownName(host) ?? '');
}

function ownName(host: string): string | undefined {
  return hostnameOf(isIP(host) === 6 ? `[${host}]` : host);
}

/** What of a `Host` header is compared, as the setting has it: without a port. */
export function hostnameOf(header: string | undefined): string | undefined {
  return urlOf(header)?.hostname;
}

/** The scheme is not compared: a proxy in front may speak TLS to the browser. */
function isSame(origin: string, host: string | undefined): boolean {
  const url = URL.parse(origin);
  if (url === null || !/^https?:$/.test(url.protocol)) return false;
  return url.origin === origin && url.host === urlOf(host, url.protocol)?.host;
}

/** A header that holds more than a host (a path, a user) names none. */
function urlOf(header: string | undefined, protocol = 'http:'): URL | undefined {
  if (header === undefined || /[\s/?#@\\,]/.test(header)) return undefined;
  return URL.parse(`${protocol}//${header}`) ?? undefined;
}
