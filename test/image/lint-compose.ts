import { z } from 'zod';

const serviceSchema = z.looseObject({
  user: z.string().default('root'),
  read_only: z.boolean().default(false),
  privileged: z.boolean().default(false),
  cap_drop: z.array(z.string()).default([]),
  security_opt: z.array(z.string()).default([]),
  ports: z.array(z.string()).default([]),
  environment: z.record(z.string(), z.unknown()).default({}),
  mem_limit: z.string().optional(),
  cpus: z.number().optional(),
  restart: z.string().optional(),
});
type Service = z.infer<typeof serviceSchema>;

const composeSchema = z.looseObject({
  services: z.record(z.string(), serviceSchema),
  secrets: z.record(z.string(), z.looseObject({ file: z.string() })).default({}),
});

type Rule = readonly [fault: string, isBroken: (service: Service) => boolean];

const RULES: readonly Rule[] = [
  ['runs as root: name a user by number', ({ user }) => !/^[1-9]\d*(:[1-9]\d*)?$/.test(user)],
  ['its root is not read-only', ({ read_only }) => !read_only],
  ['is privileged', ({ privileged }) => privileged],
  ['keeps capabilities: cap_drop ALL', ({ cap_drop }) => !cap_drop.includes('ALL')],
  ['may gain privileges', ({ security_opt }) => !security_opt.includes('no-new-privileges:true')],
  ['has no limit of memory', ({ mem_limit }) => mem_limit === undefined],
  ['has no limit of processors', ({ cpus }) => cpus === undefined],
  ['is not started again', ({ restart }) => restart === undefined],
  [
    'publishes a port beyond loopback',
    ({ ports }) => ports.some((port) => !port.startsWith('127.0.0.1:')),
  ],
  [
    'has a secret in its environment: give it by a file',
    ({ environment }) =>
      Object.keys(environment).some((name) => /KEY$|PASSWORD$|SECRET$|TOKEN$/.test(name)),
  ],
];

/** What is wrong with services by the rules that this project keeps to; none when they are sound. */
export function lintCompose(compose: unknown): string[] {
  const parsed = composeSchema.safeParse(compose);
  if (!parsed.success) return parsed.error.issues.map(({ message }) => message);
  return Object.entries(parsed.data.services).flatMap(([name, service]) =>
    RULES.filter(([, isBroken]) => isBroken(service)).map(([fault]) => `${name} ${fault}`),
  );
}
