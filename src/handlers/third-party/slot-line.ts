/** A number of slots, and the line of those who wait for one. */
export class SlotLine {
  #free: number;
  readonly #waiting = new Set<() => void>();

  constructor(slots: number) {
    this.#free = slots;
  }

  /** `true`: the slot is the caller's until `leave`; `false`: the signal aborted before there was one. */
  async enter(signal: AbortSignal): Promise<boolean> {
    if (signal.aborted) return false;
    if (this.#free > 0) {
      this.#free -= 1;
      return true;
    }
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const takeIt = (): void => resolve(true);
    const giveUp = (): void => {
      if (this.#waiting.delete(takeIt)) resolve(false);
    };
    this.#waiting.add(takeIt);
    signal.addEventListener('abort', giveUp, { once: true });
    const isMine = await promise;
    signal.removeEventListener('abort', giveUp);
    return isMine;
  }

  leave(): void {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#free += 1;
      return;
    }
    this.#waiting.delete(next);
    next();
  }
}
