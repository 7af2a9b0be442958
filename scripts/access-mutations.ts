import type { Mutation } from './mutations.ts';

const MATRIX = ['test/application/access-matrix.test.ts'];
const TENANTS = ['test/application/tenant-isolation.test.ts'];
const KEYS = ['test/application/api-keys.test.ts'];
const GATES = ['test/http/gates.test.ts'];
const SESSIONS = ['test/mcp/http/sessions.test.ts', 'test/mcp/http/tenants.test.ts'];

export const ACCESS_MUTATIONS: readonly Mutation[] = [
  {
    name: 'access: no scope is asked for',
    file: 'src/application/access/access.ts',
    find: 'context.scopes.has(scope)',
    replace: 'context.scopes.size >= 0',
    tests: MATRIX,
  },
  {
    name: 'access: agents of all tenants wait in one queue',
    file: 'src/application/access/tenant-names.ts',
    find: 'if (tenant === DEFAULT_TENANT || target === undefined) return queue;',
    replace: 'if (tenant !== "" || target === undefined) return queue;',
    tests: TENANTS,
  },
  {
    name: 'access: every tenant is shown the installation',
    file: 'src/application/access/tenant-view.ts',
    find: 'return tenant === DEFAULT_TENANT;',
    replace: 'return tenant.length > 0;',
    tests: TENANTS,
  },
  {
    name: 'keys: one that ended lets in',
    file: 'src/application/access/authenticate.ts',
    find: 'if (record === undefined || !isActive(record)) return failure(KEY_REFUSED);',
    replace: 'if (record === undefined) return failure(KEY_REFUSED);',
    tests: KEYS,
  },
  {
    name: 'http: any name of the server will do',
    file: 'src/http/allow-lists.ts',
    find: "isHost: (header) => hosts.has(hostnameOf(header) ?? ''),",
    replace: 'isHost: (header) => hosts.size > 0 || header === undefined,',
    tests: GATES,
  },
  {
    name: 'http: any page may call',
    file: 'src/http/allow-lists.ts',
    find: 'return url.origin === origin && url.host === urlOf(host, url.protocol)?.host;',
    replace: 'return url.origin === origin || url.host === urlOf(host, url.protocol)?.host;',
    tests: GATES,
  },
  {
    name: 'http: who brings no key is let in',
    file: 'src/http/gates/let-in.ts',
    find: 'if (header === undefined && isKeyRequired)',
    replace: 'if (header === undefined && !isKeyRequired && isOfProxy({}))',
    tests: GATES,
  },
  {
    name: 'mcp: a session is open to everybody',
    file: 'src/mcp/http/legacy-sessions.ts',
    find: 'if (session?.callerId !== callerIdOf(caller))',
    replace: 'if (session?.callerId === undefined)',
    tests: SESSIONS,
  },
];
