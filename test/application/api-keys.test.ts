import { createHash } from 'node:crypto';
import { describe, expect, it, test } from 'vitest';
import type { Caller } from '../../src/application/access/access.ts';
import { hashOfKey } from '../../src/application/access/api-keys.ts';
import { createAuthenticate } from '../../src/application/access/authenticate.ts';
import {
  createKeyInputSchema,
  type CreatedKey,
  type CreateKeyInput,
} from '../../src/application/access/create-key.ts';
import type { CallContext, UseCaseResult } from '../../src/application/use-case.ts';
import { createWorkbench, errorOf, valueOf, type Workbench } from './workbench.ts';

const DAY_MS = 86_400_000;

async function create(
  bench: Workbench,
  name: string,
  expires?: string,
  more: Partial<CreateKeyInput> = {},
): Promise<CreatedKey> {
  const input = { name, expires, ...more };
  return valueOf(await bench.application.createKey(bench.context, input));
}

function check(bench: Workbench, key: string): Promise<UseCaseResult<Caller>> {
  return createAuthenticate(bench.ports)({ key });
}

async function nameOf(bench: Workbench, key: string): Promise<string | undefined> {
  return valueOf(await check(bench, key)).key?.name;
}

async function revoke(bench: Workbench, name_or_id: string, tenant?: string) {
  return bench.application.revokeKey(bench.context, { name_or_id, tenant });
}

async function listed(bench: Workbench) {
  return valueOf(await bench.application.listKeys(bench.context, {})).keys;
}

describe('a new key', () => {
  it('is 32 bytes behind its prefix, and another each time', async () => {
    const bench = createWorkbench();
    const [one, two] = [await create(bench, 'anna'), await create(bench, 'anna')];
    expect(one.key).toMatch(/^bok_[\w-]{43}$/);
    expect(Buffer.from(one.key.slice(4), 'base64url')).toHaveLength(32);
    expect(two.key).not.toBe(one.key);
    expect(two.id).not.toBe(one.id);
  });

  it('is kept as its SHA-256 and nothing else', async () => {
    const bench = createWorkbench();
    const { key, id } = await create(bench, 'anna');
    const entries = await bench.store.listValues('operator_keys');
    const hash = createHash('sha256').update(key).digest('hex');
    expect(entries.map((entry) => entry.key)).toEqual([`default/${hash}`]);
    expect(JSON.stringify(entries)).not.toContain(key.slice(4));
    expect(entries[0]?.value).toMatchObject({ id, name: 'anna', scopes: ['approvals:resolve'] });
  });

  it('expires after 90 days unless it is told otherwise', async () => {
    const bench = createWorkbench();
    const now = bench.clock.now();
    const usual = await create(bench, 'anna');
    const short = await create(bench, 'anna', '12h');
    expect(Date.parse(usual.expires_at) - now).toBe(90 * DAY_MS);
    expect(Date.parse(short.expires_at) - now).toBe(DAY_MS / 2);
  });

  test.each([
    ['no name', { name: ' ' }],
    ['a key for a name', { name: `bok_${'x'.repeat(43)}` }],
    ['an id for a name', { name: 'key_0123456789' }],
    ['a name that does not show', { name: 'an\u200bna' }],
    ['a name of several lines', { name: 'an\nna' }],
    ['no time', { name: 'anna', expires: '0s' }],
    ['more than a year', { name: 'anna', expires: '367d' }],
    ['no duration', { name: 'anna', expires: 'soon' }],
    ['a scope that there is not', { name: 'anna', scopes: 'runs:read,everything' }],
    ['no scope', { name: 'anna', scopes: '' }],
    ['a tenant in capitals', { name: 'anna', tenant: 'Acme' }],
    ['a tenant with a separator', { name: 'anna', tenant: 'a/b' }],
    ['a tenant with the key’s own separator', { name: 'anna', tenant: 'a_b' }],
    ['a tenant that begins like an option', { name: 'anna', tenant: '-a' }],
    ['a long tenant', { name: 'anna', tenant: 'a'.repeat(64) }],
  ])('is not made with %s', (_, input) => {
    expect(createKeyInputSchema.safeParse(input).success).toBe(false);
  });
});

describe('a key', () => {
  it('says who its owner is, and when it was last used', async () => {
    const bench = createWorkbench();
    const { key, id } = await create(bench, 'anna');
    expect(await listed(bench)).toMatchObject([{ status: 'active' }]);
    expect((await listed(bench))[0]?.last_used_at).toBeUndefined();
    await bench.clock.advance(DAY_MS);
    expect(valueOf(await check(bench, key))).toEqual({
      tenant: 'default',
      scopes: new Set(['approvals:resolve']),
      key: { id, name: 'anna' },
    });
    const used = new Date(bench.clock.now()).toISOString();
    expect(await listed(bench)).toMatchObject([{ last_used_at: used }]);
  });

  it('notes its use once a minute at most', async () => {
    const bench = createWorkbench();
    const { key } = await create(bench, 'anna');
    const setValue = bench.store.setValue.bind(bench.store);
    let written = 0;
    bench.store.setValue = (...args) => {
      written += 1;
      return setValue(...args);
    };
    for (let second = 0; second < 120; second += 1) {
      await check(bench, key);
      await bench.clock.advance(1_000);
    }
    expect(written).toBe(2);
  });

  it('that was made for operators goes on as it was', async () => {
    const bench = createWorkbench();
    const key = `bok_${'Ab-_9'.repeat(8)}xyz`;
    const record = {
      ...{ id: 'key_0123456789', name: 'anna', scopes: ['approvals:resolve'] },
      ...{ createdAtMs: 0, expiresAtMs: bench.clock.now() + DAY_MS },
    };
    await bench.store.setValue('operator_keys', `default/${hashOfKey(key)}`, record);
    expect(await nameOf(bench, key)).toBe('anna');
    expect(await listed(bench)).toMatchObject([{ name: 'anna', tenant: 'default' }]);
  });

  it('has the scopes that are known, and none that is not', async () => {
    const bench = createWorkbench();
    const { key } = await create(bench, 'ci', undefined, { scopes: ['runs:write', 'runs:read'] });
    const place = `default/${hashOfKey(key)}`;
    expect([...valueOf(await check(bench, key)).scopes]).toEqual(['runs:read', 'runs:write']);
    const entry = await bench.store.getValue('operator_keys', place);
    const later = { ...(entry?.value as object), scopes: ['runs:read', 'everything'] } as never; // as a later Baton might write it
    await bench.store.setValue('operator_keys', place, later);
    expect([...valueOf(await check(bench, key)).scopes]).toEqual(['runs:read']);
  });

  it('is refused alike when it is unknown, malformed, expired, revoked, or of another tenant', async () => {
    const bench = createWorkbench();
    const { key } = await create(bench, 'anna');
    const theirs = await create(bench, 'dora', undefined, { tenant: 'acme' });
    const expired = await create(bench, 'bert', '1h');
    const revoked = await create(bench, 'carl');
    valueOf(await revoke(bench, 'carl'));
    await bench.clock.advance(DAY_MS / 24);
    const wrong = [
      `bok_${'x'.repeat(43)}`,
      `bok_acme_${'x'.repeat(43)}`,
      `bok_acme_${key.slice(4)}`,
      theirs.key.replace('acme_', ''),
      theirs.key.replace('acme', 'acme2'),
      theirs.key.replace('acme', 'default'),
      'anna',
      '',
      ` ${key}`,
      `${key}x`,
      `${key}\n`,
      `bok_${'../'.repeat(20)}`,
      'x'.repeat(1_000_000),
      expired.key,
      revoked.key,
    ];
    const refusals = [];
    for (const text of wrong) refusals.push(errorOf(await check(bench, text)));
    for (const refusal of refusals) expect(refusal).toEqual(refusals[0]);
    expect(refusals[0]).toMatchObject({ code: 'key_refused', changed: 'nothing' });
    expect(JSON.stringify(refusals)).not.toContain('bok_');
    expect(await nameOf(bench, key)).toBe('anna');
    expect(valueOf(await check(bench, theirs.key)).tenant).toBe('acme');
  });

  it('stays listed for 90 days after its end', async () => {
    const bench = createWorkbench();
    await create(bench, 'anna', '1h');
    await bench.clock.advance(90 * DAY_MS);
    expect(await listed(bench)).toMatchObject([{ name: 'anna', status: 'expired' }]);
    await bench.clock.advance(DAY_MS);
    expect(await listed(bench)).toEqual([]);
  });

  it('is revoked for good although a use is being noted at the same moment', async () => {
    const bench = createWorkbench();
    const { key, id } = await create(bench, 'anna');
    let isRevoked = false;
    const setValue = bench.store.setValue.bind(bench.store);
    // Between the reading and the writing of the use comes the revocation.
    bench.store.setValue = async (...args) => {
      bench.store.setValue = setValue;
      isRevoked = valueOf(await revoke(bench, id)).changed;
      return setValue(...args);
    };
    expect(errorOf(await check(bench, key)).code).toBe('key_refused');
    expect(isRevoked).toBe(true);
    expect(await listed(bench)).toMatchObject([{ status: 'revoked' }]);
  });

  it('is not lost when two change it at once', async () => {
    const bench = createWorkbench();
    const { key, id } = await create(bench, 'anna');
    const both = await Promise.all([check(bench, key), revoke(bench, id), check(bench, key)]);
    expect(both[1].ok).toBe(true);
    expect(await listed(bench)).toMatchObject([{ status: 'revoked' }]);
    expect(errorOf(await check(bench, key)).code).toBe('key_refused');
  });
});

describe('a key of a tenant', () => {
  const contextOf = (bench: Workbench, caller: Caller): CallContext => ({
    ...bench.context,
    ...{ tenant: caller.tenant, scopes: caller.scopes },
  });

  it.each(['acme', 'a', '9-', 'a'.repeat(63), 'key', 'bok'])(
    'names it in front of its secret: %s',
    async (tenant) => {
      const bench = createWorkbench();
      const { key } = await create(bench, 'anna', undefined, { tenant });
      expect(key.slice(0, -43)).toBe(`bok_${tenant}_`);
      expect(valueOf(await check(bench, key))).toMatchObject({ tenant });
      expect(await listed(bench)).toMatchObject([{ tenant, name: 'anna' }]);
    },
  );

  it('with admin makes, sees and revokes the keys of its tenant only', async () => {
    const bench = createWorkbench();
    const { application } = bench;
    const admin = await create(bench, 'root', undefined, { tenant: 'acme', scopes: ['admin'] });
    const ours = await create(bench, 'anna');
    const context = contextOf(bench, valueOf(await check(bench, admin.key)));
    const made = valueOf(await application.createKey(context, { name: 'anna' }));
    expect(made).toMatchObject({ tenant: 'acme', scopes: ['approvals:resolve'] });
    const names = valueOf(await application.listKeys(context, {})).keys.map(({ id }) => id);
    expect(names.sort()).toEqual([admin.id, made.id].sort());
    const refused = [
      await application.createKey(context, { name: 'x', tenant: 'default' }),
      await application.createKey(context, { name: 'x', tenant: 'nobody' }),
      await application.listKeys(context, { tenant: 'default' }),
      await application.revokeKey(context, { name_or_id: 'anna', tenant: 'default' }),
    ].map(errorOf);
    expect(refused.map(({ code }) => code)).toEqual(Array(4).fill('other_tenant'));
    const unknown = await application.revokeKey(context, { name_or_id: ours.id });
    expect(errorOf(unknown).code).toBe('unknown_key');
    const revoked = valueOf(await application.revokeKey(context, { name_or_id: 'anna' }));
    expect(revoked.keys.map(({ id }) => id)).toEqual([made.id]);
    expect(await nameOf(bench, ours.key)).toBe('anna');
  });

  it('is revoked by an operator by its id, or by its name and tenant', async () => {
    const bench = createWorkbench();
    const own = await create(bench, 'anna');
    const theirs = await create(bench, 'anna', undefined, { tenant: 'acme' });
    const third = await create(bench, 'anna', undefined, { tenant: 'acme' });
    expect(valueOf(await revoke(bench, theirs.id)).keys).toMatchObject([{ tenant: 'acme' }]);
    expect(await nameOf(bench, own.key)).toBe('anna');
    expect(await nameOf(bench, third.key)).toBe('anna');
    expect(valueOf(await revoke(bench, 'anna', 'acme')).changed).toBe(true);
    expect(errorOf(await check(bench, third.key)).code).toBe('key_refused');
    expect(await nameOf(bench, own.key)).toBe('anna');
  });
});

describe('revoking', () => {
  it('takes one key by its id, all by a name, and nothing twice', async () => {
    const bench = createWorkbench();
    const first = await create(bench, 'anna');
    await bench.clock.advance(1);
    const second = await create(bench, 'anna');
    const other = await create(bench, 'bert');
    expect(valueOf(await revoke(bench, first.id))).toMatchObject({
      changed: true,
      keys: [{ id: first.id, status: 'revoked' }],
    });
    expect(await nameOf(bench, second.key)).toBe('anna');
    expect(valueOf(await revoke(bench, 'anna')).keys.map(({ id }) => id)).toEqual([
      second.id,
      first.id,
    ]);
    expect(valueOf(await revoke(bench, 'anna')).changed).toBe(false);
    expect(await nameOf(bench, other.key)).toBe('bert');
  });

  it('says when there is no such key', async () => {
    const bench = createWorkbench();
    expect(errorOf(await revoke(bench, 'anna'))).toMatchObject({
      code: 'unknown_key',
      changed: 'nothing',
    });
  });
});

it('tells when the store does not answer', async () => {
  const bench = createWorkbench();
  const { key } = await create(bench, 'anna');
  bench.faults.fate = () => 'fail';
  expect(errorOf(await check(bench, key))).toMatchObject({ code: 'store_unavailable' });
  const made = await bench.application.createKey(bench.context, { name: 'bert' });
  expect(errorOf(made)).toMatchObject({ code: 'store_unavailable', changed: 'unknown' });
});
