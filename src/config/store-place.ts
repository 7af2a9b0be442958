/** Two letters and more: one is a drive. */
const SCHEME = /^\s*[a-z][a-z0-9+.-]+:\/|^\s*(rediss?(\+[a-z]+)?|unix)(:|\/\/)/i;
const HOST_AND_PORT = /^[^/\\]*:\d+(\/\d*)?([?#].*)?$/;
const SECRET_PARAMETER = /password/i;
const REDIS = /^(rediss?(\+sentinel|\+cluster)?|unix):\/\//i;

/** Whether the setting `store` names a server and no file. */
export function isStoreUrl(store: string): boolean {
  return REDIS.test(store);
}

/** What would otherwise become a file of that name: a URL of another kind, one with a slash too few, or `host:port`. */
export function isNoPlace(store: string): boolean {
  return !isStoreUrl(store) && (SCHEME.test(store) || HOST_AND_PORT.test(store));
}

/** The store as it may be shown: without the passwords of its URL, also of one that cannot be read. */
export function shownStore(store: string): string {
  if (!isStoreUrl(store)) return store;
  return withoutPassword(store).replace(/([?&])([^=&#]*)=[^&#]*/g, hiddenParameter);
}

/** A parameter's name may be written in codes too. */
function hiddenParameter(parameter: string, mark: string, name: string): string {
  return SECRET_PARAMETER.test(decoded(name)) ? `${mark}${name}=***` : parameter;
}

function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

/** A password may hold what should have been written as %2F: all up to the last @ is taken for it then. */
function withoutPassword(store: string): string {
  const access = URL.canParse(store)
    ? /^([^:]+:\/\/[^/?#@:]*):[^/?#]+@/
    : /^([^:]+:\/\/[^/?#@:]*):.+@/;
  if (access.test(store)) return store.replace(access, '$1:***@');
  // redis://secret@host: a password in the user's place. The path of a socket, or of a file in a parameter, may hold an @.
  const user = /^unix:/i.test(store) ? /^([^:]+:\/\/)[^/?#]*@/ : /^([^:]+:\/\/)([^/?#]*|[^=]*)@/;
  return store.replace(user, '$1***@');
}
