import { userInfo } from 'node:os';
import { DEFAULT_TENANT } from '../application/access/access.ts';
import type { UseCaseError } from '../application/use-case.ts';
import type { Person } from '../application/people/person.ts';
import type { Baton } from '../composition.ts';
import type { Invocation } from './cli.ts';
import { CliFailure, usageFailure, valueOf } from './cli-failure.ts';
import { createDesk, type Desk, type DeskStreams } from './desk.ts';
import { EXIT } from './exit-codes.ts';
import { readKeyFile } from './read-key-file.ts';

/** The process as a person sits before it. */
export interface Seat extends DeskStreams {
  /** Of the operating system; `undefined` where it has no name for the user. */
  userName(): string | undefined;
}

export interface Identification {
  /** There is somebody to ask: show what it is about, and ask before anything is recorded. */
  readonly desk?: Desk;
  /** By the key where one was given, else the user who sits at the terminal. */
  verify(baton: Baton): Promise<Person>;
}

/**
 * Who answers: an operator key says so (`--key-file`, else BATON_OPERATOR_KEY), or a person at a terminal does, which is
 * one only where standard input, output and error all are. Refused where there is neither. No option skips the question.
 */
export function identifyPerson(invocation: Invocation, seat: Seat = ownSeat()): Identification {
  const isTerminal = [seat.stdin, seat.stdout, seat.stderr].every(({ isTTY }) => isTTY === true);
  const desk = isTerminal ? createDesk(seat) : undefined;
  const given = givenKey(invocation);
  if (given !== undefined)
    return { ...(desk && { desk }), verify: (baton) => verifyKey(baton, given) };
  if (desk === undefined) throw personRequired();
  const name = seat.userName();
  if (name === undefined) throw nameless();
  return { desk, verify: () => Promise.resolve({ name, via: 'terminal' }) };
}

/** As whom this caller would answer, for looking only: nobody is asked. */
export async function personOf(
  invocation: Invocation,
  baton: Baton,
  seat: Seat = ownSeat(),
): Promise<string> {
  const given = givenKey(invocation);
  if (given !== undefined) return (await verifyKey(baton, given)).name;
  const name = seat.userName();
  if (name === undefined) throw nameless();
  return name;
}

interface GivenKey {
  readonly key: string;
  /** Where it came from, for people. */
  readonly origin: string;
}

function givenKey(invocation: Invocation): GivenKey | undefined {
  const { cwd, operatorKey } = invocation.cli.surroundings;
  const path = invocation.text('keyFile');
  if (path !== undefined) return { key: readKeyFile(path, cwd), origin: `--key-file ${path}` };
  const key = operatorKey?.trim() ?? '';
  return key === '' ? undefined : { key, origin: 'BATON_OPERATOR_KEY' };
}

async function verifyKey(baton: Baton, { key, origin }: GivenKey): Promise<Person> {
  const { createAuthenticate } = await import('../application/access/authenticate.ts');
  const { personOfKey } = await import('../application/people/person.ts');
  const authenticated = await createAuthenticate(baton.ports)({ key });
  if (!authenticated.ok && authenticated.error.code !== 'key_refused')
    return valueOf(authenticated);
  const caller = authenticated.ok ? authenticated.value : undefined;
  // What waits here is of the default tenant, for which a key of another says nothing.
  const person = caller?.tenant === DEFAULT_TENANT ? personOfKey(caller) : undefined;
  return person ?? valueOf({ ok: false, error: keyRefused(origin) });
}

function keyRefused(origin: string): UseCaseError {
  return {
    code: 'operator_key_refused',
    message: `The operator key is unknown, expired or revoked, or not for this. It came from ${origin}.`,
    changed: 'nothing',
    next: 'baton keys list shows the keys; baton keys create NAME makes a new one.',
  };
}

function personRequired(): CliFailure {
  return new CliFailure({
    exitCode: EXIT.refused,
    code: 'person_required',
    message: 'only a person answers this, and here is neither a terminal to ask at nor a key',
    changed: 'nothing',
    next: 'Run it at a terminal, without pipes or redirections. A person’s own program gives that person’s operator key: --key-file FILE or BATON_OPERATOR_KEY (baton keys create NAME makes one).',
  });
}

function nameless(): CliFailure {
  return usageFailure(
    'the operating system has no name for this user',
    'Give an operator key with your name: baton keys create NAME, then --key-file FILE.',
    'nameless_user',
  );
}

function ownSeat(): Seat {
  const { stdin, stdout, stderr } = process;
  return { stdin, stdout, stderr, userName };
}

function userName(): string | undefined {
  try {
    return userInfo().username;
  } catch {
    return undefined; // a user id without an entry, as in some containers
  }
}
