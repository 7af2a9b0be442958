import { DEFAULT_TENANT } from '../application/access/access.ts';
import type { CreatedKey } from '../application/access/create-key.ts';

const MAX_NAMED = 5;

/** What somebody who has just made a key should know of it. */
export function adviceOn(created: CreatedKey): string[] {
  const { id, name, tenant, scopes, expires_at } = created;
  const isForPeople = scopes.includes('approvals:resolve');
  return [
    `Key ${id} of ${name}, until ${expires_at}. It is shown this once.`,
    `It is for ${scopes.join(', ')} in the tenant ${tenant}.`,
    `Keep it in a file that only you can read (chmod 600)${isForPeople ? ', away from agents' : ''}.`,
    wayToGive(created),
    ...namesakes(created),
    ...(isForPeople && scopes.includes('agents:work')
      ? ['Whoever holds it does the work of agents and answers approvals too: give it to no agent.']
      : []),
    ...(tenant !== DEFAULT_TENANT && scopes.includes('runs:write')
      ? [
          'Steps of all tenants run on the same workers, with the rights and files of their account.',
        ]
      : []),
  ];
}

/** At the command line a key does one thing: it says who answers, for the tenant that the command line is about. */
function wayToGive({ tenant, scopes }: CreatedKey): string {
  const overHttp = 'over HTTP (baton serve), as Authorization: Bearer KEY';
  if (!scopes.includes('approvals:resolve')) return `It is given ${overHttp}.`;
  return tenant === DEFAULT_TENANT
    ? `At the command line it is given by --key-file or BATON_OPERATOR_KEY; ${overHttp}.`
    : `It is given ${overHttp}. The command line is of the tenant ${DEFAULT_TENANT}: there it answers nothing.`;
}

function namesakes({ name, also_active: ids }: CreatedKey): string[] {
  const [first] = ids;
  if (first === undefined) return [];
  const more = ids.length > MAX_NAMED ? ` and ${ids.length - MAX_NAMED} more` : '';
  const which = ids.length === 1 ? 'another key that is' : `${ids.length} other keys that are`;
  return [
    `${name} has ${which} still let in: ${ids.slice(0, MAX_NAMED).join(', ')}${more}. baton keys revoke ${first} ends ${ids.length === 1 ? 'it' : 'the first'}.`,
  ];
}
