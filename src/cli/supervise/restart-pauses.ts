/** A worker that lived this long had work to do: what ended it is not what ended the one before. */
const STEADY_AFTER_MS = 60_000;
const FIRST_PAUSE_MS = 500;
const MAX_PAUSE_MS = 30_000;

/** How long to wait before the next worker: not at all at first, longer each time one dies soon, at most 30 s. */
export class RestartPauses {
  #soonDeaths = 0;

  afterLife(lifeMs: number): number {
    this.#soonDeaths = lifeMs >= STEADY_AFTER_MS ? 0 : this.#soonDeaths + 1;
    if (this.#soonDeaths < 2) return 0;
    return Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (this.#soonDeaths - 2));
  }
}
