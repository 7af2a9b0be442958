/** A person, and how it was made sure that it is one. */
export interface Person {
  readonly name: string;
  readonly via: 'terminal' | 'operator_key' | 'elicitation';
}
