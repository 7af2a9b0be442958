import type { DefinitionError } from './definition-error.ts';
import { MAX_REPORTED_ERRORS } from './definition-limits.ts';

/** Collects mistakes up to a bound and counts the rest. */
export class ErrorList {
  readonly #errors: DefinitionError[] = [];
  #count = 0;

  get isEmpty(): boolean {
    return this.#count === 0;
  }

  add(error: DefinitionError): void {
    this.addLazily(() => error);
  }

  /** For errors that cost something to make: the search for a nearest name. */
  addLazily(make: () => DefinitionError): void {
    this.#count += 1;
    if (this.#errors.length < MAX_REPORTED_ERRORS) this.#errors.push(make());
  }

  list(): readonly DefinitionError[] {
    const hidden = this.#count - this.#errors.length;
    if (hidden === 0) return this.#errors;
    return [...this.#errors, { path: '', message: `and ${hidden} more` }];
  }
}
