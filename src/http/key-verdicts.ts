import { createHash } from 'node:crypto';
import type { Caller } from '../application/access/access.ts';
import type { UseCaseResult } from '../application/use-case.ts';
import type { Clock } from '../ports/clock.ts';

export type Authenticate = (key: string) => Promise<UseCaseResult<Caller>>;

/** How long a verdict on a key is taken for true: a key revoked anywhere is refused after this at the latest. */
const VERDICT_MS = 1_000;
const MAX_VERDICTS = 10_000;
const NEVER = Number.NEGATIVE_INFINITY;

interface Verdict {
  atMs: number;
  readonly result: Promise<UseCaseResult<Caller>>;
  /** Of the key when it was last good. */
  keyId: string | undefined;
}

/**
 * Asks the store for each key at most once a second, whatever comes. Keeps hashes, never keys. A store that does not
 * answer is asked again at the next request: nobody is let in meanwhile.
 */
export class KeyVerdicts {
  readonly #authenticate: Authenticate;
  readonly #clock: Clock;
  readonly #onEnded: (keyId: string) => void;
  readonly #verdicts = new Map<string, Verdict>();

  /** `onEnded` is told of a key that was good and is not any more. */
  constructor(
    authenticate: Authenticate,
    { clock, onEnded }: { readonly clock: Clock; readonly onEnded: (keyId: string) => void },
  ) {
    this.#authenticate = authenticate;
    this.#clock = clock;
    this.#onEnded = onEnded;
  }

  /** The key was good when it was last asked for. */
  isKnown(key: string): boolean {
    return this.#verdicts.get(hashOf(key))?.keyId !== undefined;
  }

  check(key: string): Promise<UseCaseResult<Caller>> {
    const hash = hashOf(key);
    const last = this.#verdicts.get(hash);
    const nowMs = this.#clock.now();
    if (last && nowMs >= last.atMs && nowMs - last.atMs < VERDICT_MS) return last.result;
    return this.#ask(hash, key, last?.keyId);
  }

  /** One that was refused, if any: a flood of them makes no good key unknown. */
  #forgetOne(): void {
    let [forgotten] = this.#verdicts.keys();
    for (const [hash, { keyId }] of this.#verdicts) {
      if (keyId !== undefined) continue;
      forgotten = hash;
      break;
    }
    if (forgotten !== undefined) this.#verdicts.delete(forgotten);
  }

  async #ask(hash: string, key: string, keyId: string | undefined): Promise<UseCaseResult<Caller>> {
    const verdict: Verdict = { atMs: this.#clock.now(), result: this.#authenticate(key), keyId };
    this.#verdicts.delete(hash);
    if (this.#verdicts.size >= MAX_VERDICTS) this.#forgetOne();
    this.#verdicts.set(hash, verdict);
    try {
      const result = await verdict.result;
      if (result.ok) verdict.keyId = result.value.key?.id;
      else if (result.error.code === 'store_unavailable') verdict.atMs = NEVER;
      else {
        if (verdict.keyId !== undefined) this.#onEnded(verdict.keyId);
        verdict.keyId = undefined;
      }
      return result;
    } catch (error) {
      verdict.atMs = NEVER;
      throw error;
    }
  }
}

function hashOf(key: string): string {
  return createHash('sha256').update(key).digest('base64');
}
