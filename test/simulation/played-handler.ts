import type { Json } from '../../src/domain/json.ts';
import type { Clock } from '../../src/ports/clock.ts';
import type { StepContext, StepHandler, StepOutcome } from '../../src/ports/step-handler.ts';
import type { SinkEntry } from '../support/invariants.ts';
import { behaviourOf, type Behaviour, type ShellScript } from './behaviour.ts';

/** The outside world: remembers every effect that reached it. */
export interface Sink {
  readonly entries: SinkEntry[];
}

/** A handler of kind `shell` that plays what the seed has drawn for the step and attempt. */
export function createPlayedHandler(ports: {
  readonly queues: readonly string[];
  readonly clock: Clock;
  readonly sink: Sink;
  readonly process: { readonly isDead: boolean };
  scriptOf(workflow: string, step: string): ShellScript;
}): StepHandler {
  return {
    kind: 'shell',
    queues: ports.queues,
    run: async (context) => {
      // A process may die between two callbacks of one instant: it must not reach the outside after that.
      if (!ports.process.isDead) ports.sink.entries.push(entryOf(context, ports.clock));
      const script = ports.scriptOf(context.workflow, context.step);
      return play(ports.clock, context, script);
    },
  };
}

function entryOf(context: StepContext, clock: Clock): SinkEntry {
  const { tenant, runId, step, attempt, idempotencyKey, input } = context;
  return { tenant, runId, step, attempt, idempotencyKey, input, atMs: clock.now() };
}

async function play(clock: Clock, context: StepContext, script: ShellScript): Promise<StepOutcome> {
  const behaviour = behaviourOf(script, context.attempt);
  const done = new AbortController();
  const isSilent = behaviour.kind === 'hang';
  const beats = script.beatMs > 0 && !isSilent ? beat(clock, context, script.beatMs, done) : null;
  try {
    return await perform(clock, context, behaviour);
  } finally {
    done.abort();
    await beats;
  }
}

async function beat(
  clock: Clock,
  context: StepContext,
  everyMs: number,
  done: AbortController,
): Promise<void> {
  const { lastHeartbeat } = context;
  let beats = typeof lastHeartbeat === 'number' ? lastHeartbeat : 0;
  for (;;) {
    await clock.sleep(everyMs, done.signal);
    if (done.signal.aborted) return;
    context.heartbeat((beats += 1));
  }
}

async function perform(
  clock: Clock,
  context: StepContext,
  behaviour: Behaviour,
): Promise<StepOutcome> {
  if (behaviour.kind === 'stubborn') {
    await clock.sleep(behaviour.afterMs);
    return { kind: 'completed', output: outputOf(behaviour, context.attempt) };
  }
  if (behaviour.kind === 'hang') {
    await aborted(context.signal);
    await clock.sleep(behaviour.afterMs);
    return failed('aborted');
  }
  await clock.sleep(behaviour.afterMs, context.signal);
  if (context.signal.aborted) return failed('aborted');
  if (behaviour.kind === 'throw') throw new Error('the handler broke');
  if (behaviour.kind === 'failure') {
    const { code, permanent, retryAfterMs } = behaviour;
    return {
      kind: 'failed',
      error: {
        code,
        message: 'as drawn',
        ...(permanent && { permanent }),
        ...(retryAfterMs !== undefined && { retryAfterMs }),
      },
    };
  }
  return { kind: 'completed', output: outputOf(behaviour, context.attempt) };
}

/** What a completed attempt returns; the reference model expects the same. */
export function outputOf(behaviour: Behaviour, attempt: number): Json {
  switch (behaviour.kind) {
    case 'success':
      return {
        v: behaviour.v,
        attempt,
        ...(behaviour.pad > 0 && { pad: 'x'.repeat(behaviour.pad) }),
      };
    case 'stubborn':
      return { v: behaviour.v, attempt };
    default:
      return { breach: true };
  }
}

function failed(code: string): StepOutcome {
  return { kind: 'failed', error: { code, message: 'stopped' } };
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
