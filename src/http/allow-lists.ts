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
  const own = hostnameOf(isIP(settings.host) === 6 ? `[${settings.host}]` : settings.host);
  const hosts = new Set([...LOOPBACK_NAMES, ...settings.allowedHosts]);
  if (own !== undefined && !ANY_ADDRESS.has(own)) hosts.add(own);
  const origins = new Set(settings.allowedOrigins);
  return {
    isHost: (header) => hosts.has(hostnameOf(header) ?? ''),
    isOrigin: (origin, host) => origins.has(origin) || isSame(origin, host),
  };
}

function hostnameOf(header: string | undefined): string | undefined {
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
