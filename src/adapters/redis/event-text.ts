import { StoreUnavailableError } from '../../ports/run-store.ts';
import { texts } from './reply.ts';
import type { Reply } from './reply.ts';

/**
 * How an event is written: a history is most of what a run takes in Redis, and half of an event's text is the names of its
 * fields. What most events have in common is one character each, of those that JSON never holds as they are.
 *
 * Written for ever, like the events: a character that was given a meaning keeps it. More meanings need a higher schema
 * (store-meta.ts), for older versions of Baton could not read them.
 */
const TEXTS: Readonly<Record<number, string>> = {
  0x01: '{"schemaVersion":1,"sequence":',
  0x02: ',"occurredAtMs":',
  0x03: ',"commandId":"',
  0x04: '","causationId":"',
  0x05: '","actor":"',
  0x06: '","traceparent":"',
  0x07: '","body":{"type":"',
  0x08: 'report:',
  0x0b: 'task:',
  0x0c: 'worker:',
  0x0e: 'StepsScheduled","steps":[{"step":"',
  0x0f: 'StepCompleted","step":"',
  0x10: 'WorkflowStarted","runId":"',
  0x11: 'WorkflowCompleted","output":',
  0x12: '","name":"',
  0x13: '","definitionHash":"',
  0x14: '","definitionVersion":',
  0x15: ',"input":{',
  0x16: '},"workspace":"',
  0x17: '","attempt":',
  0x18: ',"output":',
  0x19: ',"worker":"',
  0x1a: '","startedAtMs":',
  0x1b: '}]}}',
  0x1c: '},{"step":"',
  0x1d: ',"error":{"code":"',
  0x1e: '","message":"',
};
const FIRST_OF_BODY = 0x0e;
/** Stands before what would otherwise be taken for one that was packed. */
const AS_IT_IS = '\x1f';

/** As build-commit.ts writes it, with nothing to unescape before the body. */
const HEAD =
  /^\{"schemaVersion":1,"sequence":(\d+),"occurredAtMs":(\d+),"commandId":"([^"\\\0-\x1f]*)","causationId":"([^"\\\0-\x1f]*)","actor":"([^"\\\0-\x1f]*)"(?:,"traceparent":"([^"\\\0-\x1f]*)")?,"body":\{"type":"/;

const BODY_CHARACTERS = new Map(
  Object.entries(TEXTS)
    .map(([code, text]) => [text, Number(code)] as const)
    .filter(([, code]) => code >= FIRST_OF_BODY)
    .map(([text, code]) => [text, String.fromCharCode(code)]),
);
const BODY_PARTS = new RegExp(
  [
    '[\\0-\\x1f]',
    ...[...BODY_CHARACTERS.keys()].map((text) => text.replace(/[{}[\]]/g, '\\$&')),
  ].join('|'),
  'g',
);

/** What Redis keeps of an event: `unpackEvent` gives back exactly `text`, whatever that is. */
export function packEvent(text: string): string {
  return packKnown(text) ?? (text.charCodeAt(0) < 0x20 ? AS_IT_IS + text : text);
}

/** Of an event as most are; a loop, for a callback an occurrence would cost as much as all the rest. */
function packKnown(text: string): string | undefined {
  const head = HEAD.exec(text);
  if (!head) return undefined;
  let packed = packHead(head);
  let from = head[0].length;
  BODY_PARTS.lastIndex = from;
  for (let part = BODY_PARTS.exec(text); part; part = BODY_PARTS.exec(text)) {
    const character = BODY_CHARACTERS.get(part[0]);
    if (character === undefined) return undefined;
    packed += text.slice(from, part.index) + character;
    from = BODY_PARTS.lastIndex;
  }
  return packed + text.slice(from);
}

function packHead([
  ,
  sequence,
  atMs,
  command = '',
  cause = '',
  actor = '',
  trace,
]: RegExpExecArray): string {
  const ids = `\x03${short(command, 'report:', '\x08')}\x04${short(cause, 'task:', '\x0b')}`;
  const who = `\x05${short(actor, 'worker:', '\x0c')}`;
  return `\x01${sequence}\x02${atMs}${ids}${who}${trace === undefined ? '' : `\x06${trace}`}\x07`;
}

function short(text: string, beginning: string, character: string): string {
  return text.startsWith(beginning) ? character + text.slice(beginning.length) : text;
}

/** The text of an event that Redis keeps. What was written before events were packed is given back as it is. */
export function unpackEvent(packed: string): string {
  const first = packed.charCodeAt(0);
  if (first === AS_IT_IS.charCodeAt(0)) return packed.slice(1);
  if (first !== 0x01) return packed;
  let text = '';
  let from = 0;
  for (let at = 0; at < packed.length; at += 1) {
    const code = packed.charCodeAt(at);
    if (code >= 0x20) continue;
    text += packed.slice(from, at) + (TEXTS[code] ?? unknown());
    from = at + 1;
  }
  return text + packed.slice(from);
}

export function readEvents(reply: Reply | undefined): readonly string[] {
  return texts(reply).map(unpackEvent);
}

function unknown(): never {
  throw new StoreUnavailableError(
    'Redis holds an event that cannot be read: is the store damaged?',
  );
}
