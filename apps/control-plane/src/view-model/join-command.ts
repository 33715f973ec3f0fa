/** Where agents connect: the origin of the inference address. An address that is none stays as it is. */
export function dataPlaneUrl(inferenceUrl: string): string {
  return URL.canParse(inferenceUrl) ? new URL(inferenceUrl).origin : inferenceUrl;
}

export interface JoinChoice {
  /** What the device is called; "" lets it take its machine's name. */
  readonly name: string;
  readonly count: number;
}

/** Quoted for a shell where it must be. */
function shellWord(word: string): string {
  return /^[\w.:/@%+=-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/**
 * What to run on a machine that is to become a device.
 * @param token  null where it was not asked for: a word stands in its place
 */
export function joinCommand(
  url: string,
  { name, count }: JoinChoice = { name: '', count: 1 },
  token: string | null = null,
): string {
  const named = name.trim() === '' ? '' : ` --name ${shellWord(name.trim())}`;
  const counted = count > 1 ? ` --count ${count}` : '';
  return `npm run agent -- --url ${url} --token ${token ?? 'JOIN_TOKEN'}${named}${counted}`;
}

/** Whether only this machine itself reaches an address: nothing else can join there. */
export function onlyThisMachine(url: string): boolean {
  if (!URL.canParse(url)) return false;
  return /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(new URL(url).hostname);
}

/** Where a browser becomes a device. The token stands behind #, so that it is sent to no server and stands in no log. */
export function joinPageAddress(origin: string, token: string): string {
  return `${origin}/join#token=${encodeURIComponent(token)}`;
}
