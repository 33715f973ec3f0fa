import type { WrongAnswerView } from '@sparewheel/protocol';
import { useLive } from '../live-connection/live-queries.ts';
import { cn } from '../ui/class-names.ts';
import { LocalTime } from '../ui/local-time.tsx';
import { wrongAnswerLines } from './wrong-answers-view.ts';

/** More lines would push the page down. */
const SHOWN = 3;

/** The newest wrong answers: the request, the device, and the consequence. Nothing without a wrong answer. */
export function WrongAnswers({ answers }: { answers: readonly WrongAnswerView[] }) {
  const devices = useLive('devices', (all) => all.map(({ id, name, state }) => ({ id, name, state })));
  if (answers.length === 0) return null;
  // A wrong answer that a caller got, and then one of a known device, matters more than a newer one.
  const sorted = [...answers].sort(
    (a, b) =>
      Number(b.given) - Number(a.given) || Number(b.devices.length > 0) - Number(a.devices.length > 0),
  );
  const lines = wrongAnswerLines(sorted, devices);
  const given = lines.some((line) => line.given);
  return (
    <section
      aria-label="Wrong answers"
      data-testid="wrong-answers"
      className={cn(
        'rounded-xl border px-4 py-2 text-[0.8125rem]',
        given ? 'bg-danger-wash text-danger-ink' : 'bg-surface text-ink-soft',
      )}
    >
      <ul>
        {lines.slice(0, SHOWN).map(({ request, at, what, from }) => (
          <li key={request}>
            <LocalTime at={at} /> · <span className="font-medium">{what}</span> {from}
          </li>
        ))}
      </ul>
      {lines.length > SHOWN && <p>And {lines.length - SHOWN} more. The events list all of them.</p>}
    </section>
  );
}
