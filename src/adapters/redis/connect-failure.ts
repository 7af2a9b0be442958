import { describeFailure } from './redis-failure.ts';
import { RedisStoreError, type RedisStoreErrorCode } from './redis-store-error.ts';
import type { RedisAddress } from './redis-url.ts';

interface Advice {
  readonly pattern: RegExp;
  readonly code: RedisStoreErrorCode;
  /** What it means and what to do, after the place. `$` stands for the message, `%` for the prefix of the keys. */
  readonly text: string;
}

/** By what Redis, the connection or TLS (https://docs.openssl.org/3.0/man1/openssl-verification-options) answered. The first that fits. */
const ADVICE: readonly Advice[] = [
  {
    pattern: /sentinel \S+: (WRONGPASS|NOAUTH|ERR AUTH)/,
    code: 'credentials',
    text: 'the Sentinel refuses user or password: $; write ?sentinel-user= and ?sentinel-password= into the URL',
  },
  {
    pattern: /knows no primary named/,
    code: 'unreachable',
    text: '$; the URL names it after the hosts',
  },
  {
    pattern: /^database \d+: NOPERM/,
    code: 'permission',
    text: '$; give the user "+select", or use database 0 with a prefix of its own (?prefix=name)',
  },
  {
    pattern: /^database \d+: /,
    code: 'server',
    text: '$; the URL names the database after the host; raise "databases" in redis.conf, or use database 0 with a prefix of its own (?prefix=name)',
  },
  {
    pattern: /^NOPERM.*\bkeys?\b|user executing the script can't access/,
    code: 'permission',
    text: '$; the keys of this store begin with "%:": give the user "~%:*", or name the prefix that it may use in the URL (?prefix=name)',
  },
  {
    pattern: /^NOPERM|user executing the script can't run/,
    code: 'permission',
    text: "$; docs/redis.conf has the line for Baton's user",
  },
  {
    pattern: /^(WRONGPASS|NOAUTH|ERR AUTH|ERR invalid password)/,
    code: 'credentials',
    text: 'user or password are refused: $; the URL carries them: redis://user:password@host, or redis://:password@host without a user, with special characters percent-encoded (@ is %40)',
  },
  {
    pattern: /^LOADING/,
    code: 'unreachable',
    text: '$; start Baton again when it has',
  },
  {
    pattern: /cluster support disabled/,
    code: 'server',
    text: 'this is no Cluster; write redis:// in the URL',
  },
  {
    pattern: /altnames/,
    code: 'unreachable',
    text: 'its TLS certificate is for another name: $; write the name that stands in it into the URL',
  },
  {
    pattern: /certificate has expired|CERT_HAS_EXPIRED|not yet valid/,
    code: 'unreachable',
    text: '$: renew the TLS certificate of the server (or set the clock of this machine right)',
  },
  {
    pattern: /self[- ]signed certificate|unable to (verify|get)|issuer certificate/,
    code: 'unreachable',
    text: 'its TLS certificate comes from an authority that is not trusted here: $; name its file by ?ca=/absolute/path.pem in the URL, or by NODE_EXTRA_CA_CERTS',
  },
  {
    pattern: /certificate required|alert handshake failure/,
    code: 'credentials',
    text: 'the server asks for a TLS certificate of its clients: $; name it by ?cert=/path.pem&key=/path.pem, or set "tls-auth-clients no" there',
  },
  {
    pattern: /Unknown RESP type|Protocol error/,
    code: 'server',
    text: 'what answers there is no Redis server: it does not speak the protocol',
  },
  {
    pattern:
      /connection (was|is) closed|ECONNRESET|no (answer within|reply for)|before secure TLS|wrong version number|packet length/i,
    code: 'unreachable',
    text: 'it takes the connection and does not answer as Redis: $; the URL says whether it speaks TLS (rediss://) or not (redis://); or another program listens there, or it hangs',
  },
];

/**
 * The first contact's failures: what they mean, and what to change. The driver's error, which carries the password, is left
 * behind.
 */
export function connectFailure(
  error: unknown,
  { shown, prefix }: Pick<RedisAddress, 'shown' | 'prefix'>,
): RedisStoreError {
  const message = describeFailure(error)
    .replace(/^Redis: /, '')
    // Of what OpenSSL says: the reason, without the place in its source.
    .replace(/\S*:error:[0-9A-F]+:[^:]*:[^:]*:([^:]+):.*/s, 'TLS $1');
  const { code, text } = ADVICE.find(({ pattern }) => pattern.test(message)) ?? {
    code: 'unreachable' as const,
    text: 'it cannot be reached: $; check the URL, and that the server runs',
  };
  const advice = text.replace(/[$%](?!\d)/g, (sign) => (sign === '$' ? message : prefix));
  return new RedisStoreError(code, `${shown}: ${advice}`);
}
