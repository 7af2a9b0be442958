import { createHash, timingSafeEqual } from 'node:crypto';
import { DEFAULT_TENANT, type Caller } from '../application/access/access.ts';
import type { Authenticate } from './key-verdicts.ts';

/** Long enough that nobody guesses it, and of what a bearer token may hold. */
const FORM = /^[A-Za-z0-9\-._~+/=]{32,1024}$/;

/** What agents need. Approvals and keys are for those whose key stands in the store under their name. */
const FILE_KEY_CALLER: Caller = {
  tenant: DEFAULT_TENANT,
  scopes: new Set(['runs:read', 'runs:write', 'agents:work']),
  key: { id: 'file', name: 'file' },
};

export function isFileKey(text: string): boolean {
  return FORM.test(text);
}

/** The same, which also knows one key that is in no store: it is good for as long as the process lives. */
export function withFileKey(authenticate: Authenticate, fileKey: string): Authenticate {
  const expected = digest(fileKey);
  return async (key) =>
    timingSafeEqual(digest(key), expected)
      ? { ok: true, value: FILE_KEY_CALLER }
      : authenticate(key);
}

function digest(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}
