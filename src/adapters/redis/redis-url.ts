import type { RedisOptions } from 'ioredis';
import { RedisStoreError } from './redis-store-error.ts';

/** Where a store in Redis is, as its URL says. */
export interface RedisAddress {
  readonly topology: 'single' | 'sentinel' | 'cluster';
  readonly options: RedisOptions;
  /** Begins every key, so that several stores, and other programs, share a server. */
  readonly prefix: string;
  /** `allow-eviction=1`: start although the server may throw keys away. */
  readonly allowsEviction: boolean;
  /** Without the password, for people. */
  readonly shown: string;
}

const FORMS =
  'redis://[user:password@]host[:port][/db], rediss://… (TLS), unix://[user:password@localhost]/path/to.sock, redis+sentinel://host[:port]/name or redis+cluster://host[:port], each with ?prefix=name and ?allow-eviction=1';
const PROTOCOLS = /^(redis|rediss|unix|rediss?\+sentinel|rediss?\+cluster):$/;
/** No braces: they would change the hash tag; no wildcard, which access rules are written with. */
const PREFIX = /^[A-Za-z0-9_.:-]{1,64}$/;
const DEFAULT_PORT = { plain: 6379, sentinel: 26_379 };

export function isRedisUrl(store: string): boolean {
  return /^(rediss?(\+[a-z]+)?|unix):/i.test(store);
}

/** Throws RedisStoreError (`url`), which never shows the password. */
export function parseRedisUrl(url: string): RedisAddress {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (!parsed || !PROTOCOLS.test(parsed.protocol)) throw wrongUrl('it is not a Redis URL');
  for (const name of parsed.searchParams.keys())
    if (name !== 'prefix' && name !== 'allow-eviction')
      throw wrongUrl(`it has no parameter ${name}`);
  const prefix = parsed.searchParams.get('prefix') ?? 'baton';
  if (!PREFIX.test(prefix)) throw wrongUrl('the prefix has letters, digits and _ . : - only');
  const allowsEviction = parsed.searchParams.get('allow-eviction') === '1';
  return { ...place(parsed), prefix, allowsEviction, shown: withoutPassword(parsed) };
}

function place(url: URL): Pick<RedisAddress, 'topology' | 'options'> {
  const path = decodeURIComponent(url.pathname);
  const access = { ...credentials(url), ...(url.protocol.startsWith('rediss') && { tls: {} }) };
  if (url.protocol === 'unix:') return { topology: 'single', options: { ...access, path } };
  if (url.hostname === '') throw wrongUrl('it names no host');
  // Brackets belong to addresses in URLs only.
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const port = url.port === '' ? undefined : Number(url.port);
  if (url.protocol.endsWith('+sentinel:')) {
    const name = path.slice(1);
    if (name === '') throw wrongUrl('it names no primary after the host');
    const sentinels = [{ host, port: port ?? DEFAULT_PORT.sentinel }];
    return { topology: 'sentinel', options: { ...access, sentinels, name } };
  }
  const options = { ...access, host, port: port ?? DEFAULT_PORT.plain };
  if (url.protocol.endsWith('+cluster:')) return { topology: 'cluster', options };
  return { topology: 'single', options: { ...options, db: databaseOf(path) } };
}

function credentials({ username, password }: URL): RedisOptions {
  return {
    ...(username !== '' && { username: decodeURIComponent(username) }),
    ...(password !== '' && { password: decodeURIComponent(password) }),
  };
}

function databaseOf(path: string): number {
  if (path === '' || path === '/') return 0;
  if (!/^\/\d{1,4}$/.test(path)) throw wrongUrl('the path is the number of a database');
  return Number(path.slice(1));
}

function withoutPassword(url: URL): string {
  const shown = new URL(url);
  if (shown.password !== '') shown.password = '***';
  return shown.href;
}

function wrongUrl(reason: string): RedisStoreError {
  return new RedisStoreError(
    'url',
    `the URL of the store cannot be used: ${reason}; forms: ${FORMS}`,
  );
}
