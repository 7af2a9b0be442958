/** One mistake in the configuration. */
export interface ConfigProblem {
  /** `file:line`, `environment BATON_…` or `option --…`. */
  readonly place: string;
  readonly message: string;
  /** The nearest valid name. */
  readonly suggestion?: string;
}

export function describeProblem({ place, message, suggestion }: ConfigProblem): string {
  const hint = suggestion === undefined ? '' : `; did you mean "${suggestion}"?`;
  return `${place}: ${message}${hint}`;
}

/** The configuration cannot be used. Carries every mistake found, not only the first; nothing was started. */
export class ConfigError extends Error {
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    super(problems.map(describeProblem).join('\n'));
    this.name = 'ConfigError';
    this.problems = problems;
  }
}
