/** The methods of each route of an HTTP server. Answers of status 405 list them in the header Allow. */
export class RouteMethods {
  readonly #routes: { readonly pattern: RegExp; readonly methods: readonly string[] }[] = [];

  /** @param route  a path whose parameters start with a colon, for example `/v2/models/:name` */
  add(methods: string | readonly string[], route: string): void {
    const parts = route.split('/').map((part) => (part.startsWith(':') ? '[^/]+' : escaped(part)));
    this.#routes.push({ pattern: new RegExp(`^${parts.join('/')}/?$`), methods: [methods].flat() });
  }

  /**
   * Returns the methods of a path, in the order of the routes. Empty if no route has the path.
   * @param url  with or without a query
   */
  of(url: string): readonly string[] {
    const path = url.replace(/\?.*$/s, '');
    const found = this.#routes.flatMap(({ pattern, methods }) => (pattern.test(path) ? methods : []));
    return [...new Set(found)];
  }
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
