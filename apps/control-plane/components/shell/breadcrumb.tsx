import { ChevronLeft } from 'lucide-react';
import Link from 'next/link';

/** A link back to the list that contains this page. */
export function Breadcrumb({ href, children }: { href: string; children: string }) {
  return (
    <Link
      href={href}
      className="-ml-1 flex w-fit items-center gap-0.5 rounded-md px-1 text-[0.8125rem] text-ink-soft hover:text-ink"
    >
      <ChevronLeft aria-hidden className="size-3.5" />
      {children}
    </Link>
  );
}
