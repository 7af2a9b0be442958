/** An immutable, registered workflow definition. */
export interface RegisteredDefinition {
  readonly tenant: string;
  readonly name: string;
  /** 1, 2, 3 … per tenant and name. */
  readonly version: number;
  /** Content hash of `document`: what a run pins. */
  readonly hash: string;
  /** Canonical JSON of the definition. */
  readonly document: string;
  readonly description?: string;
  readonly registeredAtMs: number;
}

export interface DefinitionCatalog {
  /** Durable when it answers. The same content again answers the version it already has (`created: false`). */
  register(definition: {
    readonly tenant: string;
    readonly name: string;
    readonly hash: string;
    readonly document: string;
    readonly description?: string;
  }): Promise<{ readonly definition: RegisteredDefinition; readonly created: boolean }>;

  findByHash(tenant: string, hash: string): Promise<RegisteredDefinition | undefined>;

  /** Without a version: the newest. */
  findByName(
    tenant: string,
    name: string,
    version?: number,
  ): Promise<RegisteredDefinition | undefined>;

  /** The newest version of every name, by name; `afterName` pages. */
  listDefinitions(
    tenant: string,
    limit: number,
    afterName?: string,
  ): Promise<readonly RegisteredDefinition[]>;
}
