import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { packEvent, unpackEvent } from '../../src/adapters/redis/event-text.ts';
import { StoreUnavailableError } from '../../src/ports/run-store.ts';

const envelope = (sequence: number, body: object, more: object = {}): string =>
  JSON.stringify({
    ...{ schemaVersion: 1, sequence, occurredAtMs: 1_795_313_401_535, commandId: 'report:s0#1' },
    ...{ causationId: 'task:s0#1', actor: 'worker:host-21905-wtr2w8', ...more },
    body,
  });
const completed = envelope(3, {
  ...{ type: 'StepCompleted', step: 's0', attempt: 1, output: 'x'.repeat(100) },
  ...{ worker: 'host-21905-wtr2w8', startedAtMs: 1_795_313_401_535 },
});

/** Bodies that hold what is packed, as names, values and parts of texts. */
const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom('","body":{"type":"', '}]}}', 'report:', '\u0001', '\u001f', '\\', '"', '\u2028'),
);
const body = fc.record({
  type: fc.oneof(fc.constantFrom('StepCompleted', 'StepsScheduled', 'WorkflowStarted'), text),
  step: text,
  steps: fc.array(fc.record({ step: text, attempt: fc.integer() })),
  attempt: fc.integer(),
  output: fc.jsonValue(),
  error: fc.record({ code: text, message: text }),
});

describe('the text of an event in Redis', () => {
  it('takes half of what a worker reports, and is written the same for ever', () => {
    const output = 'x'.repeat(100);
    const packed = packEvent(completed);
    expect(packed).toBe(
      '\u00013\u00021795313401535\u0003\u0008s0#1\u0004\u000bs0#1\u0005\u000chost-21905-wtr2w8\u0007' +
        `\u000fs0\u00171\u0018"${output}"\u0019host-21905-wtr2w8\u001a1795313401535}}`,
    );
    expect(unpackEvent(packed)).toBe(completed);
    expect(packed.length - output.length).toBeLessThan((completed.length - output.length) / 2);
  });

  it('comes back as it was, whatever stands in an event', () => {
    fc.assert(
      fc.property(fc.nat(), body, text, text, (sequence, one, commandId, traceparent) => {
        const event = envelope(sequence, one, { commandId, traceparent });
        expect(unpackEvent(packEvent(event))).toBe(event);
      }),
    );
  });

  it('comes back as it was when it is no event of ours, or hardly one', () => {
    const start = fc.constantFrom('', '\u0001', '\u001f', completed, completed.slice(0, 200));
    fc.assert(
      fc.property(start, text, text, (first, second, third) => {
        const some = first + second + completed.slice(0, -20) + third;
        for (const one of [first, second, third, some, first + second])
          expect(unpackEvent(packEvent(one))).toBe(one);
      }),
      { numRuns: 300 },
    );
  });

  it('is never longer than what it stands for by more than a character', () => {
    fc.assert(
      fc.property(text, (some) => {
        expect(packEvent(some).length).toBeLessThanOrEqual(some.length + 1);
      }),
    );
  });

  it('is given back as it is where it was written before events were packed', () => {
    expect(unpackEvent(completed)).toBe(completed);
  });

  it('is refused where it holds what this version does not know', () => {
    expect(() => unpackEvent('\u00011\u000d')).toThrow(StoreUnavailableError);
  });
});
