/** Finds out why an address is not that of a data plane, by asking it what it is. */

const ASK_TIMEOUT_MS = 3_000;

/**
 * Returns one sentence that names the address to use; null if the address may be right and a retry may help.
 * @param url  the origin to which the agent cannot connect
 * @param token  the join token, which opens the dashboard's answer
 */
export async function wrongAddress(url: string, token: string): Promise<string | null> {
  const dashboard = await ask(url, '/join/data-plane', token);
  if (dashboard !== null) {
    const dataPlane = dataPlaneIn(dashboard.body);
    if (dataPlane !== null) return `${url} is the address of the dashboard; use --url ${dataPlane}`;
    // Only the control plane refuses the token of this path. The data plane does not know the path.
    return dashboard.status === 401 || dashboard.status === 403
      ? `${url} is the address of the dashboard, and it refuses this token; use the command that the dashboard shows under "Add a device"`
      : null;
  }
  const other = new URL(url);
  other.protocol = other.protocol === 'https:' ? 'http:' : 'https:';
  const isThere = other.protocol === 'http:' ? await ask(other.origin, '/v2', token) : await speaksTls(other);
  if (!isThere) return null;
  return other.protocol === 'http:'
    ? `${url} has no TLS; use --url ${other.origin}`
    : `${url} expects TLS; use --url ${other.origin}`;
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

/** Returns the answer to a request; null without one. */
async function ask(origin: string, path: string, token: string): Promise<Answer | null> {
  try {
    const response = await fetch(`${origin}${path}`, {
      headers: { authorization: `Bearer ${token}` },
      redirect: 'manual',
      signal: AbortSignal.timeout(ASK_TIMEOUT_MS),
    });
    return { status: response.status, body: await response.text() };
  } catch {
    return null;
  }
}

/** Returns whether a server speaks TLS. A certificate that is not trusted, or an alert, also shows that. */
async function speaksTls({ origin }: URL): Promise<boolean> {
  try {
    await fetch(origin, { redirect: 'manual', signal: AbortSignal.timeout(ASK_TIMEOUT_MS) });
    return true;
  } catch (error) {
    const { code = '' } = ((error as Error).cause ?? {}) as { code?: string };
    return /CERT|SELF_SIGNED|UNABLE_TO_|ALERT/.test(code);
  }
}

/** Returns the data plane's address in the dashboard's answer; null if it has none. */
function dataPlaneIn(body: string): string | null {
  try {
    const { url } = JSON.parse(body) as { url?: unknown };
    return typeof url === 'string' && URL.canParse(url) ? new URL(url).origin : null;
  } catch {
    return null;
  }
}
