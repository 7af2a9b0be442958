/** One mistake in a workflow definition, with its place, e.g. `steps[3].needs[0]`. */
export interface DefinitionError {
  readonly path: string;
  readonly message: string;
  /** The nearest valid name, where there is one. */
  readonly suggestion?: string;
}

/** One way in which a value breaks its schema. `path` is empty for the value itself. */
export interface Violation {
  readonly path: string;
  readonly message: string;
}
