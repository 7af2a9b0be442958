import type { Caller } from '../access/access.ts';

/** A person, and how it was made sure that it is one. */
export interface Person {
  readonly name: string;
  readonly via: 'terminal' | 'operator_key' | 'elicitation';
}

/** Whom the answers of a caller with a key stand for; `undefined`: it has none, or one that may answer nothing. */
export function personOfKey({ key, scopes }: Caller): Person | undefined {
  return key && scopes.has('approvals:resolve')
    ? { name: key.name, via: 'operator_key' }
    : undefined;
}
