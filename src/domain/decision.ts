import type { EventBody } from './events.ts';
import { evolve, evolveMore } from './evolve.ts';
import { unitsSpent } from './expression/expression.ts';
import type { Json } from './json.ts';
import { MAX_RUN_BYTES, MAX_STEPS_PER_DECISION, MAX_UNITS_PER_DECISION } from './limits.ts';
import { stepById, type Plan, type PlannedStep } from './plan.ts';
import { isReadable } from './readable-value.ts';
import type { Rejection } from './rejection.ts';
import {
  draftOf,
  type DraftState,
  type RunHeader,
  type RunState,
  type StepState,
} from './state.ts';

/** What the world adds to a decision; passed in, so that the same arguments always decide the same. */
export interface DecisionContext {
  /** Epoch ms. */
  readonly nowMs: number;
  /** Uniform in [0, 1). */
  random(): number;
  /** Environment variables that the configuration lets expressions read. */
  readonly env: Readonly<Record<string, string>>;
  /** Serialised bytes of the run so far, about: see MAX_RUN_BYTES. */
  readonly runBytes: number;
}

export type Ruling =
  /**
   * `after`: the state as the events leave it; its `apply` writes them into the state that was decided on.
   * `isUnfinished`: there is more to do at once; an `advance` timer must follow in the same commit.
   */
  | {
      readonly kind: 'accepted';
      readonly events: readonly EventBody[];
      readonly after: DraftState;
      readonly isUnfinished: boolean;
    }
  | { readonly kind: 'rejected'; readonly rejection: Rejection };

export type RoomProblem = 'run_too_large' | 'nested_too_deeply';

export interface FoundStep {
  readonly planned: PlannedStep;
  readonly record: StepState;
}

/** One decision in the making: the events so far, and the state as they leave it. */
export class Decision {
  readonly plan: Plan;
  readonly context: DecisionContext;
  readonly events: EventBody[] = [];
  readonly #draft: DraftState;
  readonly #unitsBefore = unitsSpent();
  #bytes: number;
  #engineSteps = 0;
  #isUnfinished = false;

  constructor(plan: Plan, state: RunState, context: DecisionContext) {
    this.plan = plan;
    this.context = context;
    this.#draft = draftOf(state);
    this.#bytes = context.runBytes;
  }

  get run(): RunHeader {
    return this.#draft.run;
  }

  step(index: number): StepState {
    return this.#draft.steps.get(index);
  }

  find(id: string): FoundStep | undefined {
    const planned = stepById(this.plan, id);
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

  /** Counts a value that the run is to hold. Asked of each one before an event carries it: why the run cannot. */
  makeRoom(value: Json): RoomProblem | undefined {
    if (!isReadable(value)) return 'nested_too_deeply';
    this.#bytes += JSON.stringify(value).length;
    return this.#bytes <= MAX_RUN_BYTES ? undefined : 'run_too_large';
  }

  /** Counts a step; false when this decision has done enough, and the rest is for the next commit. */
  mayGoOn(): boolean {
    this.#engineSteps += 1;
    const isSpent =
      this.#engineSteps > MAX_STEPS_PER_DECISION ||
      unitsSpent() - this.#unitsBefore > MAX_UNITS_PER_DECISION;
    this.#isUnfinished ||= isSpent;
    return !isSpent;
  }

  accept(): Ruling {
    const { events } = this;
    return { kind: 'accepted', events, after: this.#draft, isUnfinished: this.#isUnfinished };
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
