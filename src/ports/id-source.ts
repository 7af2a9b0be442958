/** Unpredictable values; drawn from one seed in tests. */
export interface IdSource {
  /** Lower-case letters and digits, at least 100 bits, safe in file names and URLs. */
  newId(): string;
  /** Uniform in [0, 1). */
  random(): number;
}
