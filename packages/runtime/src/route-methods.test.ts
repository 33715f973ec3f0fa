import { describe, expect, it } from 'vitest';
import { RouteMethods } from './route-methods.ts';

describe('RouteMethods', () => {
  const routes = new RouteMethods();
  routes.add(['GET', 'HEAD'], '/models/:name');
  routes.add('DELETE', '/models/:name');
  routes.add('GET', '/models/:name');
  routes.add('POST', '/models/:name/versions/:version/infer');
  routes.add('GET', '/a.b');

  it.each([
    ['/models/x', ['GET', 'HEAD', 'DELETE']],
    ['/models/x/', ['GET', 'HEAD', 'DELETE']],
    ['/models/x?y=/z', ['GET', 'HEAD', 'DELETE']],
    ['/models/x%2Fy', ['GET', 'HEAD', 'DELETE']],
    ['/models/x/versions/1/infer', ['POST']],
    ['/a.b', ['GET']],
    ['/aXb', []],
    ['/models/', []],
    ['/models/x/y', []],
    ['/models/x//', []],
    ['/before/models/x', []],
  ])('finds the methods of %s', (url, methods) => {
    expect(routes.of(url)).toEqual(methods);
  });
});
