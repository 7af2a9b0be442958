import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Why suites that need certificates are left out, with the line to type; `undefined` where they can be made. */
export const missingOpenssl: string | undefined =
  spawnSync('openssl', ['version']).status === 0
    ? undefined
    : 'no openssl here: apt-get install -y openssl';

export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/** An authority of its own, which nobody trusts unless told to. */
export interface Authority {
  /** Its certificate. */
  readonly file: string;
  /** For a name such as `IP:127.0.0.1` or `DNS:localhost`; negative days: it has expired. */
  issue(name: string, days?: number): Certificate;
  remove(): void;
}

export function createAuthority(): Authority {
  const directory = mkdtempSync(join(tmpdir(), 'baton-tls-'));
  const file = join(directory, 'ca.pem');
  const authorityKey = join(directory, 'ca.key');
  openssl('req', '-x509', ...newKey(authorityKey), '-days', '2', '-subj', '/CN=Test', '-out', file);
  let issued = 0;
  return {
    file,
    issue: (name, days = 2) => {
      issued += 1;
      const [key, request, cert, extension] = ['key', 'csr', 'pem', 'ext'].map((ending) =>
        join(directory, `${issued}.${ending}`),
      ) as [string, string, string, string]; // as many as named
      writeFileSync(extension, `subjectAltName=${name}`);
      openssl('req', ...newKey(key), '-subj', '/CN=server', '-out', request);
      openssl(
        ...['x509', '-req', '-in', request, '-CA', file, '-CAkey', authorityKey],
        ...['-CAcreateserial', '-days', String(days), '-extfile', extension, '-out', cert],
      );
      return { cert, key };
    },
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}

function newKey(file: string): readonly string[] {
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'];
  return [...curve, '-nodes', '-keyout', file];
}

function openssl(...args: readonly string[]): void {
  execFileSync('openssl', args, { stdio: 'pipe' });
}
