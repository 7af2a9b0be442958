/** A host as a URL names it; without a port the default of its kind holds. */
export interface Host {
  readonly host: string;
  readonly port?: number;
}

const AUTHORITY = /^([a-z+]+:\/\/)((?:[^/?#]*@)?)([^/?#@]*)/i;
/** Sentinels and nodes of one system are few. */
const MAX_HOSTS = 32;

/**
 * Takes several hosts (`a:1,b:2`) out of a URL, which knows only one: the URL with the first of them, and all of them.
 * `undefined` where it cannot be read, or names too many.
 */
export function splitHosts(
  url: string,
): { readonly url: URL; readonly hosts: readonly Host[] } | undefined {
  const [start = '', scheme = '', access = '', authority = ''] = AUTHORITY.exec(url) ?? [];
  const names = authority.split(',');
  if (names.length > MAX_HOSTS) return undefined;
  const first = `${scheme}${access}${names[0] ?? ''}${url.slice(start.length)}`;
  const hosts = names.map((name) => readHost(name, names.length === 1));
  if (!URL.canParse(first) || hosts.includes(undefined)) return undefined;
  return { url: new URL(first), hosts: hosts.filter((host) => host !== undefined) };
}

function readHost(name: string, mayBeEmpty: boolean): Host | undefined {
  if (name === '' && mayBeEmpty) return { host: '' };
  if (name === '' || !URL.canParse(`redis://${name}`)) return undefined;
  const { hostname, port } = new URL(`redis://${name}`);
  // Brackets belong to addresses in URLs only.
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  return { host, ...(port !== '' && { port: Number(port) }) };
}
