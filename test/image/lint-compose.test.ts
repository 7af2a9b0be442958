import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { lintCompose } from './lint-compose.ts';

const SOUND = {
  user: '1000:1000',
  read_only: true,
  cap_drop: ['ALL'],
  security_opt: ['no-new-privileges:true'],
  ports: ['127.0.0.1:7420:7420'],
  environment: { BATON_HTTP_KEY_FILE: '/run/secrets/key' },
  mem_limit: '1g',
  cpus: 1,
  restart: 'unless-stopped',
};

it('finds nothing wrong with a sound service', () => {
  expect(lintCompose({ services: { one: SOUND } })).toEqual([]);
});

it("finds nothing wrong with this project's services", () => {
  const text = readFileSync(join(import.meta.dirname, '../../compose.yaml'), 'utf8');
  expect(lintCompose(parse(text))).toEqual([]);
});

it.each([
  ['root', { user: 'root' }],
  ['no user', { user: undefined }],
  ['a root that can be written', { read_only: undefined }],
  ['privileges', { privileged: true }],
  ['capabilities', { cap_drop: ['NET_RAW'] }],
  ['new privileges', { security_opt: [] }],
  ['a port for everybody', { ports: ['7420:7420'] }],
  ['a secret in the environment', { environment: { REDIS_PASSWORD: 'abc' } }],
  ['no limit of memory', { mem_limit: undefined }],
  ['no limit of processors', { cpus: undefined }],
  ['nobody who starts it again', { restart: undefined }],
])('refuses %s', (_, change) => {
  expect(lintCompose({ services: { one: { ...SOUND, ...change } } })).toHaveLength(1);
});

it('refuses what is no compose file', () => {
  expect(lintCompose(['services'])).not.toEqual([]);
});
