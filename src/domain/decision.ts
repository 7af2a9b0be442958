import type { EventBody } from './events.ts';
import { evolve, evolveMore } from './evolve.ts';
import type { Plan, PlannedStep } from './plan.ts';
import type { Rejection } from './rejection.ts';
import { draftOf, type RunHeader, type RunState, type StepState } from './state.ts';

/** What the world adds to a decision; passed in, so that the same arguments always decide the same. */
export interface DecisionContext {
  /** Epoch ms. */
  readonly nowMs: number;
  /** Uniform in [0, 1). */
  random(): number;
  /** Environment variables that the configuration lets expressions read. */
  readonly env: Readonly<Record<string, string>>;
}

export type Ruling =
  | { readonly kind: 'accepted'; readonly events: readonly EventBody[] }
  | { readonly kind: 'rejected'; readonly rejection: Rejection };

export interface FoundStep {
  readonly planned: PlannedStep;
  readonly record: StepState;
}

/** One decision in the making: the events so far, and the state as they leave it. */
export class Decision {
  readonly plan: Plan;
  readonly context: DecisionContext;
  readonly events: EventBody[] = [];
  readonly #draft: RunState;

  constructor(plan: Plan, state: RunState, context: DecisionContext) {
    this.plan = plan;
    this.context = context;
    this.#draft = draftOf(state);
  }

  get run(): RunHeader {
    return this.#draft.run;
  }

  step(index: number): StepState {
    return this.#draft.steps.get(index);
  }

  find(id: string): FoundStep | undefined {
    const planned = this.plan.steps[this.plan.indexOf.get(id) ?? -1];
    return planned && { planned, record: this.step(planned.index) };
  }

  /** Scheduling and skipping join the list event before them: one event may carry many steps. */
  emit(event: EventBody): void {
    const last = this.events.at(-1);
    if (last?.type === 'StepsScheduled' && event.type === 'StepsScheduled')
      return this.#extend(event, () => last.steps.push(...event.steps));
    if (last?.type === 'StepsSkipped' && event.type === 'StepsSkipped')
      return this.#extend(event, () => last.steps.push(...event.steps));
    this.events.push(event);
    evolve(this.plan, this.#draft, event, this.context.nowMs);
  }

  accept(): Ruling {
    return { kind: 'accepted', events: this.events };
  }

  #extend(event: EventBody, append: () => void): void {
    evolveMore(this.plan, this.#draft, event, this.context.nowMs);
    append();
  }
}

export function reject(
  code: Rejection['code'],
  message: string,
  next: string,
  violations?: Rejection['violations'],
): Ruling {
  return {
    kind: 'rejected',
    rejection: { code, message, next, ...(violations && { violations }) },
  };
}
