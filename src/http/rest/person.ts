import { personOfKey, type Person } from '../../application/people/person.ts';
import type { UseCaseResult } from '../../application/use-case.ts';
import type { RouteContext } from './define-route.ts';

/** A key without the scope is refused by the use case, which says so. */
const NOBODY: Person = { name: '', via: 'operator_key' };

/** As at the command line where there is no terminal: only a key says who somebody is. */
export async function withPerson<Value>(
  { caller }: RouteContext,
  body: (person: Person) => Promise<UseCaseResult<Value>>,
): Promise<UseCaseResult<Value>> {
  if (caller.key !== undefined) return body(personOfKey(caller) ?? NOBODY);
  return {
    ok: false,
    error: {
      code: 'person_required',
      message: 'Only a person answers this, and a request without a key does not say who it is of.',
      changed: 'nothing',
      next: 'Send the person’s own key as Authorization: Bearer …; or answer at a terminal: baton inbox.',
    },
  };
}
