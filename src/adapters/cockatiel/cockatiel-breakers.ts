import type { Breakers, OpenBreaker } from '../../ports/breakers.ts';
import type { Logger } from '../../ports/logger.ts';
import { TargetBreaker, type BreakerSettings, type BreakerTime } from './target-breaker.ts';

/** Targets come from steps' inputs: their number has no other bound. */
export const MAX_TARGETS = 1_000;
/** A target that nobody asked for is forgotten, so that an old failure is not shown for ever. */
export const FORGOTTEN_AFTER_MS = 1_800_000;

export interface BreakersOptions extends BreakerTime {
  readonly logger: Logger;
  settingsOf(target: string): BreakerSettings;
}

/** Breakers in this process's memory, at most MAX_TARGETS: the closed ones that were used longest ago go first. */
export function createCockatielBreakers(options: BreakersOptions): Breakers {
  return new CockatielBreakers(options);
}

class CockatielBreakers implements Breakers {
  readonly #options: BreakersOptions;
  /** In the order of their last use. */
  readonly #breakers = new Map<string, TargetBreaker>();

  constructor(options: BreakersOptions) {
    this.#options = options;
  }

  enter(target: string): ReturnType<Breakers['enter']> {
    const breaker = this.#known(target) ?? this.#create(target);
    this.#breakers.delete(target);
    // Not counting itself, which is closed when it is new.
    this.#makeRoom();
    this.#breakers.set(target, breaker);
    return breaker.enter();
  }

  find(target: string): OpenBreaker | undefined {
    return this.#known(target)?.view;
  }

  list(): readonly OpenBreaker[] {
    return [...this.#breakers.keys()]
      .flatMap((target) => this.find(target) ?? [])
      .sort((a, b) => (a.target < b.target ? -1 : 1));
  }

  #known(target: string): TargetBreaker | undefined {
    const breaker = this.#breakers.get(target);
    if (breaker === undefined) return undefined;
    if (this.#options.elapsedMs() - breaker.usedAtMs <= FORGOTTEN_AFTER_MS) return breaker;
    this.#breakers.delete(target);
    return undefined;
  }

  #create(target: string): TargetBreaker {
    const { logger } = this.#options;
    const settings = this.#options.settingsOf(target);
    return new TargetBreaker(target, settings, this.#options, (open) => {
      if (open === undefined) logger.info({ target }, 'circuit closed: the target answers again');
      else if (open.failures <= settings.failures)
        logger.warn({ target, reason: open.lastError }, 'circuit opened');
      else logger.debug({ target, reason: open.lastError }, 'circuit stays open');
    });
  }

  #makeRoom(): void {
    if (this.#breakers.size < MAX_TARGETS) return;
    for (const [target, { view }] of this.#breakers)
      if (view === undefined) return void this.#breakers.delete(target);
    const [oldest = ''] = this.#breakers.keys();
    this.#breakers.delete(oldest);
  }
}
