import type { RedisOptions } from 'ioredis';
import { splitHosts, type Host } from './redis-hosts.ts';
import { RedisStoreError } from './redis-store-error.ts';
import { readTlsOptions, TLS_FILES } from './redis-tls.ts';

/** Where a store in Redis is, as its URL says. */
export interface RedisAddress {
  readonly topology: 'single' | 'sentinel' | 'cluster';
  readonly options: RedisOptions;
  /** Nodes of a Cluster to ask for the others; empty elsewhere. */
  readonly seeds: readonly { readonly host: string; readonly port: number }[];
  /** Begins every key, so that several stores, and other programs, share a server. */
  readonly prefix: string;
  /** `allow-eviction=1`: start although the server may throw keys away. */
  readonly allowsEviction: boolean;
  /** Without the passwords, for people. */
  readonly shown: string;
}

const FORMS =
  'redis://[[user]:password@]host[:port][/db], rediss://… (TLS; with ?ca=file, ?cert=file&key=file), unix://[user:password@localhost]/path/to.sock, redis+sentinel://host[:port][,host…]/name (with ?sentinel-user= and ?sentinel-password=) or redis+cluster://host[:port][,host…], each with ?prefix=name and ?allow-eviction=1; special characters of a user or password are percent-encoded (@ is %40, / is %2F, : is %3A, # is %23, ? is %3F)';
const MAX_PORT = 65_535;
const PROTOCOLS = /^(redis|rediss|unix|rediss?\+sentinel|rediss?\+cluster):$/;
/** No braces: they would change the hash tag; no wildcard, which access rules are written with. */
const PREFIX = /^[A-Za-z0-9_.:-]{1,64}$/;
const DEFAULT_PORT = { plain: 6379, sentinel: 26_379 };
const SENTINEL_ACCESS = ['sentinel-user', 'sentinel-password'];

export function isRedisUrl(store: string): boolean {
  return /^(rediss?(\+[a-z]+)?|unix):/i.test(store);
}

/** Reads the files that the URL names. Throws RedisStoreError (`url`), which never shows a password. */
export function parseRedisUrl(text: string): RedisAddress {
  const { url, hosts } = splitHosts(text) ?? {};
  if (hasWrongPort(text) || hosts?.some(({ port }) => port === 0))
    throw wrongUrl(`a port is a number from 1 to ${MAX_PORT}`);
  if (!url) throw wrongUrl('it cannot be read');
  if (!PROTOCOLS.test(url.protocol)) throw wrongUrl('it is not a Redis URL');
  const known = knownParameters(url.protocol);
  for (const name of url.searchParams.keys())
    // What was meant to be part of a password is not shown.
    if (!known.includes(name))
      throw wrongUrl(
        name.includes('@') ? 'it has an @ after the ?' : `it has no parameter ${name}`,
      );
  const prefix = url.searchParams.get('prefix') ?? 'baton';
  if (!PREFIX.test(prefix)) throw wrongUrl('the prefix has letters, digits and _ . : - only');
  const allowsEviction = url.searchParams.get('allow-eviction') === '1';
  const shown = withoutPasswords(url, hosts ?? []);
  return { ...place(url, hosts ?? []), prefix, allowsEviction, shown };
}

/** The class URL refuses it without a word. What stands before an @ may be a password. */
function hasWrongPort(text: string): boolean {
  const [, authority = ''] = /^[a-z+]+:\/\/(?:.*@)?([^/?#@]*)/i.exec(text) ?? [];
  return [...authority.matchAll(/:(\d+)(?=,|$)/g)].some(([, port]) => Number(port) > MAX_PORT);
}

function knownParameters(protocol: string): readonly string[] {
  return [
    ...['prefix', 'allow-eviction'],
    ...(protocol.startsWith('rediss') ? TLS_FILES : []),
    ...(protocol.endsWith('+sentinel:') ? SENTINEL_ACCESS : []),
  ];
}

type Place = Pick<RedisAddress, 'topology' | 'options' | 'seeds'>;

function place(url: URL, hosts: readonly Host[]): Place {
  const path = decoded(url.pathname);
  const tls = url.protocol.startsWith('rediss') ? readTlsOptions(url.searchParams) : undefined;
  const access = { ...credentials(url), ...(tls && { tls }) };
  if (url.protocol === 'unix:')
    return { topology: 'single', options: { ...access, path }, seeds: [] };
  if (url.hostname === '') throw wrongUrl('it names no host');
  if (url.protocol.endsWith('+sentinel:')) return sentinels(url, hosts, access);
  const seeds = hosts.map(({ host, port = DEFAULT_PORT.plain }) => ({ host, port }));
  const options = { ...access, ...seeds[0] };
  if (url.protocol.endsWith('+cluster:')) return { topology: 'cluster', options, seeds };
  if (hosts.length > 1) throw wrongUrl('only Sentinels and a Cluster have several hosts');
  return { topology: 'single', options: { ...options, db: databaseOf(path) }, seeds: [] };
}

function sentinels(url: URL, hosts: readonly Host[], access: RedisOptions): Place {
  const name = decoded(url.pathname).slice(1);
  if (name === '') throw wrongUrl('it names no primary after the host');
  const [user, password] = SENTINEL_ACCESS.map((key) => url.searchParams.get(key) ?? undefined);
  const options: RedisOptions = {
    ...access,
    name,
    sentinels: hosts.map(({ host, port = DEFAULT_PORT.sentinel }) => ({ host, port })),
    ...(user !== undefined && { sentinelUsername: user }),
    ...(password !== undefined && { sentinelPassword: password }),
    // One word for both: a password must not reach either of them in clear.
    ...(access.tls && { sentinelTLS: access.tls }),
  };
  return { topology: 'sentinel', options, seeds: [] };
}

function credentials({ username, password }: URL): RedisOptions {
  return {
    ...(username !== '' && { username: decoded(username) }),
    ...(password !== '' && { password: decoded(password) }),
  };
}

/** The error of decodeURIComponent would be a defect of ours, with a stack. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw wrongUrl('a percent sign that stands for itself is written %25');
  }
}

function databaseOf(path: string): number {
  if (path === '' || path === '/') return 0;
  if (!/^\/\d{1,4}$/.test(path)) throw wrongUrl('the path is the number of a database');
  return Number(path.slice(1));
}

function withoutPasswords(url: URL, hosts: readonly Host[]): string {
  const shown = new URL(url);
  if (shown.password !== '') shown.password = '***';
  // redis://secret@host: a password in the user's place.
  else if (shown.username !== '') shown.username = '***';
  if (shown.searchParams.has('sentinel-password'))
    shown.searchParams.set('sentinel-password', '***');
  const more = hosts.slice(1).map(({ host, port }) => {
    const name = host.includes(':') ? `[${host}]` : host;
    return `,${name}${port === undefined ? '' : `:${port}`}`;
  });
  return shown.href.replace(/^([a-z+]+:\/\/[^/?#]*)/, `$1${more.join('')}`);
}

function wrongUrl(reason: string): RedisStoreError {
  return new RedisStoreError(
    'url',
    `the URL of the store cannot be used: ${reason}; forms: ${FORMS}`,
  );
}
