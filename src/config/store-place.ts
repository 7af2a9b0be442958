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

/** The store as it may be shown: without the passwords of its URL, also of one that cannot be read. */
export function shownStore(store: string): string {
  if (!isStoreUrl(store)) return store;
  // A password may hold what should have been written as %2F: all up to the last @ is taken for it then.
  const access = URL.canParse(store)
    ? /^([^:]+:\/\/[^/?#]*?):[^/?#]*@/
    : /^([^:]+:\/\/[^/?#@:]*):.*@/;
  return store.replace(access, '$1:***@').replace(/([?&]sentinel-password=)[^&#]*/g, '$1***');
}
