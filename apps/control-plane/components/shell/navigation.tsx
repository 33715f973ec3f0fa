'use client';
import { Activity, Boxes, Cpu, ScrollText, Settings } from 'lucide-react';
import Link from 'next/link';
import { usePathname } from 'next/navigation';
import { cn } from '../ui/class-names.ts';

const PAGES = [
  { href: '/', label: 'Live', Icon: Activity },
  { href: '/models', label: 'Models', Icon: Boxes },
  { href: '/devices', label: 'Devices', Icon: Cpu },
  { href: '/events', label: 'Events', Icon: ScrollText },
  { href: '/settings', label: 'Settings', Icon: Settings },
] as const;

/** Links to the pages of the dashboard. The current one is marked. */
export function Navigation({ className }: { className?: string }) {
  const path = usePathname();
  return (
    <nav aria-label="Dashboard" className={cn('flex min-w-0 gap-0.5', className)}>
      {PAGES.map(({ href, label, Icon }) => {
        const current = href === '/' ? path === '/' : path === href || path.startsWith(`${href}/`);
        return (
          <Link
            key={href}
            href={href}
            aria-current={current ? 'page' : undefined}
            className={cn(
              'flex h-8 items-center gap-1.5 rounded-md px-2.5 text-[0.8125rem] font-medium transition-colors max-md:flex-1 max-md:justify-center max-md:px-1',
              current ? 'bg-raised text-ink' : 'text-ink-soft hover:bg-raised hover:text-ink',
            )}
          >
            <Icon aria-hidden className="size-3.5 shrink-0 max-[26rem]:hidden" />
            {label}
          </Link>
        );
      })}
    </nav>
  );
}
