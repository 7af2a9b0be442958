import { describe, expect, it } from 'vitest';
import { EVENT_SCHEMA_VERSION, eventBodySchema } from '../../src/domain/events.ts';
import { evolve } from '../../src/domain/evolve.ts';
import { createRunState } from '../../src/domain/state.ts';
import { readEvent, UnreadableEventError } from '../../src/domain/upcast.ts';
import { planOf } from '../support/given.ts';
import { recordedHistories, summarise } from '../support/recorded-history.ts';

const recorded = recordedHistories();

describe('recorded histories', () => {
  it.each(recorded)(
    '$name folds to the state that was recorded',
    ({ lines, definition, final }) => {
      const plan = planOf(definition);
      const state = createRunState(plan);
      for (const line of lines) {
        const { body, occurredAtMs } = readEvent(line);
        evolve(plan, state, body, occurredAtMs);
      }
      expect(summarise(plan, state)).toEqual(final);
    },
  );

  it.each(recorded)('$name is gapless and says who, why and when', ({ lines }) => {
    const events = lines.map(readEvent);
    expect(events.map(({ sequence }) => sequence)).toEqual(lines.map((_, at) => at + 1));
    for (const event of events) {
      expect(event.commandId).not.toBe('');
      expect(event.causationId).not.toBe('');
      expect(event.actor).not.toBe('');
      expect(event.occurredAtMs).toBeGreaterThan(0);
    }
    expect(events[0]?.traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
  });

  it.each(recorded)('$name reads back what it was written from', ({ name, lines }) => {
    if (!name.startsWith(`v${EVENT_SCHEMA_VERSION}/`)) return;
    for (const line of lines) expect(readEvent(line)).toEqual(JSON.parse(line));
  });

  it('cover every type of event, for every version', () => {
    const all = eventBodySchema.options.map((option) => option.shape.type.value);
    for (let version = 1; version <= EVENT_SCHEMA_VERSION; version += 1) {
      const lines = recorded
        .filter(({ name }) => name.startsWith(`v${version}/`))
        .flatMap((one) => one.lines);
      const seen = new Set(lines.map((line) => readEvent(line).body.type));
      expect([...seen].sort()).toEqual([...all].sort());
    }
  });
});

describe('an event that cannot be read', () => {
  const [line = ''] = recorded[0]?.lines ?? [];
  const changed = (patch: object): string =>
    JSON.stringify({ ...(JSON.parse(line) as object), ...patch });

  it('of a newer Baton is refused, and the message says what to do', () => {
    expect(() => readEvent(changed({ schemaVersion: EVENT_SCHEMA_VERSION + 1 }))).toThrow(
      new UnreadableEventError(
        `event schema ${EVENT_SCHEMA_VERSION + 1} is newer than this Baton (${EVENT_SCHEMA_VERSION}); update Baton`,
      ),
    );
  });

  it.each(['', 'garbage', '{', 'null', '[]', '{}', '{"schemaVersion":0}', '{"schemaVersion":"1"}'])(
    'is refused: %j',
    (text) => {
      expect(() => readEvent(text)).toThrow(UnreadableEventError);
      expect(() => readEvent(text)).toThrow(/^not an event/);
    },
  );

  it('is refused with the place of what is wrong', () => {
    expect(() => readEvent(changed({ sequence: 0 }))).toThrow(/sequence/);
    expect(() => readEvent(changed({ body: { type: 'NeverHeardOf' } }))).toThrow(
      UnreadableEventError,
    );
    expect(() => readEvent(changed({ body: { type: 'WorkflowCompleted' } }))).toThrow(/output/);
  });

  it('is refused in words when it is nested beyond the stack', () => {
    const text = changed({ body: 'here' }).replace(
      '"here"',
      () => `{"type":"WorkflowCompleted","output":${'['.repeat(5_000)}${']'.repeat(5_000)}}`,
    );
    expect(() => readEvent(text)).toThrow(
      new UnreadableEventError('an event is nested too deeply'),
    );
  });

  it('never spills more than the beginning of a long text', () => {
    expect(() => readEvent('x'.repeat(10_000))).toThrow(/^not an event: x{80}$/);
  });
});
