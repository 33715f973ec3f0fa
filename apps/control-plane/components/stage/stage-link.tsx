'use client';
import { Maximize } from 'lucide-react';
import Link from 'next/link';
import { useRouter } from 'next/navigation';
import { useEffect } from 'react';
import { isTyping } from '../ui/is-typing.ts';
import { enterFullScreen } from './full-screen.ts';

function stageAddress(deployment: string): string {
  return `/stage?deployment=${encodeURIComponent(deployment)}`;
}

/** Opens the stage, also with the key f. */
export function StageLink({ deployment }: { deployment: string }) {
  const router = useRouter();
  useEffect(() => {
    const listen = (event: KeyboardEvent) => {
      if (event.key !== 'f' || event.repeat || event.defaultPrevented || isTyping(event)) return;
      event.preventDefault();
      enterFullScreen();
      router.push(stageAddress(deployment));
    };
    window.addEventListener('keydown', listen);
    return () => window.removeEventListener('keydown', listen);
  }, [router, deployment]);
  return (
    <Link
      href={stageAddress(deployment)}
      onClick={enterFullScreen}
      title="Full screen for an audience (key f)"
      className="inline-flex h-7 items-center gap-1.5 rounded-md border border-line-strong bg-surface px-2.5 text-xs font-medium whitespace-nowrap hover:bg-raised"
    >
      <Maximize aria-hidden className="size-3.5" />
      Stage
    </Link>
  );
}
