const SCHEME = /^[a-z][a-z0-9+.-]*:\/\//i;
const REDIS = /^(rediss?(\+sentinel|\+cluster)?|unix):\/\//i;

/** Whether the setting `store` names a server and no file. */
export function isStoreUrl(store: string): boolean {
  return REDIS.test(store);
}

/** A URL of another kind would otherwise become a file of that name. */
export function isForeignUrl(store: string): boolean {
  return SCHEME.test(store) && !isStoreUrl(store);
}

/** The store as it may be shown: without the password of its URL. */
export function shownStore(store: string): string {
  return isStoreUrl(store) ? store.replace(/^([^:]+:\/\/[^/?#]*?):[^/?#]*@/, '$1:***@') : store;
}
