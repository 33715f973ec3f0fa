/** Turns an error of zod into a sentence that names the field. */

import { ApiError } from '@sparewheel/protocol';
import type { z } from 'zod';

type Issue = z.core.$ZodIssue;

/**
 * Parses a body or a query.
 * @throws {ApiError} 400
 */
export function parse<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  what: 'body' | 'query' = 'body',
): z.output<Schema> {
  if (what === 'body' && (typeof value !== 'object' || value === null || Array.isArray(value))) {
    throw new ApiError(
      400,
      'invalid-request',
      'The body of the request must be a JSON object.',
      'Send it with "Content-Type: application/json".',
    );
  }
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new ApiError(400, 'invalid-request', issue ? describe(issue) : 'The request is invalid.');
}

function describe(issue: Issue): string {
  if (issue.code === 'unrecognized_keys') {
    const path = [...issue.path, issue.keys[0]].map(String).join('.');
    return `The field "${path}" is unknown.`;
  }
  const path = issue.path.map(String).join('.');
  const field = path === '' ? 'The request' : `The field "${path}"`;
  return `${field} is invalid: ${reasonOf(issue)}.`;
}

function reasonOf(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_type':
      return issue.input === undefined && issue.message.includes('undefined')
        ? 'it is missing'
        : `expected ${article(issue.expected)}`;
    case 'invalid_value':
      return `expected ${choice(issue.values.map((value) => JSON.stringify(value)))}`;
    case 'too_small':
      return `it must be ${issue.inclusive === false ? 'more than' : 'at least'} ${issue.minimum}${unit(issue.origin)}`;
    case 'too_big':
      return `it must be ${issue.inclusive === false ? 'less than' : 'at most'} ${issue.maximum}${unit(issue.origin)}`;
    case 'invalid_union':
      return unionReason(issue);
    default:
      return issue.message.replace(/\.$/, '');
  }
}

function unionReason(issue: Extract<Issue, { code: 'invalid_union' }>): string {
  const branches = issue.errors.flatMap(([first]) => (first === undefined ? [] : [first]));
  if (branches.length === 0) return 'its value is unknown';
  // A branch that failed at a limit is the one that the caller meant.
  const meant = branches.find(({ code }) => code === 'too_small' || code === 'too_big');
  return meant ? reasonOf(meant) : branches.map(reasonOf).join(', or ');
}

function choice(values: readonly string[]): string {
  return values.length > 1
    ? `${values.slice(0, -1).join(', ')} or ${values.at(-1)}`
    : (values[0] ?? 'nothing');
}

function article(type: string): string {
  const names: Record<string, string> = {
    int: 'an integer',
    record: 'an object',
    boolean: 'true or false',
    nonoptional: 'a value',
  };
  return names[type] ?? (/^[aeiou]/.test(type) ? `an ${type}` : `a ${type}`);
}

function unit(origin: string): string {
  if (origin === 'string') return ' characters long';
  if (origin === 'array') return ' long';
  return '';
}
