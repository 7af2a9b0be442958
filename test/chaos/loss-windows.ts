/**
 * Times from which acknowledged writes may be gone, because the store was told to forget them (a truncated append-only
 * file, a failover to a replica that lags). What was acknowledged outside of them must be there.
 */
export class LossWindows {
  readonly #windows: { readonly fromMs: number; readonly untilMs: number }[] = [];

  add(fromMs: number, untilMs: number): void {
    this.#windows.push({ fromMs, untilMs });
  }

  includes(atMs: number): boolean {
    return this.#windows.some(({ fromMs, untilMs }) => atMs >= fromMs && atMs <= untilMs);
  }

  get isEmpty(): boolean {
    return this.#windows.length === 0;
  }
}
