import { cva, type VariantProps } from 'class-variance-authority';
import type { ComponentProps } from 'react';
import { cn } from './class-names.ts';

const button = cva(
  'inline-flex items-center justify-center gap-1.5 rounded-md border font-medium whitespace-nowrap transition-colors select-none disabled:cursor-not-allowed disabled:opacity-50 [&_svg]:size-3.5 [&_svg]:shrink-0',
  {
    variants: {
      variant: {
        primary: 'border-transparent bg-primary text-primary-ink hover:bg-primary/85',
        outline: 'border-line-strong bg-surface text-ink hover:bg-raised',
        quiet: 'border-transparent bg-transparent text-ink-soft hover:bg-raised hover:text-ink',
        danger: 'border-line-strong bg-surface text-danger-ink hover:border-danger hover:bg-danger-wash',
        solidDanger: 'border-transparent bg-[#c62a35] text-white hover:bg-[#b3202a]',
        ok: 'border-line-strong bg-surface text-ok-ink hover:border-ok hover:bg-ok-wash',
      },
      size: {
        small: 'h-7 px-2.5 text-xs',
        medium: 'h-8 px-3 text-[0.8125rem]',
        large: 'h-9 px-4 text-sm',
        icon: 'size-7 [&_svg]:size-4',
      },
    },
    defaultVariants: { variant: 'outline', size: 'medium' },
  },
);

export function Button({
  className,
  variant,
  size,
  type = 'button',
  ...props
}: ComponentProps<'button'> & VariantProps<typeof button>) {
  return <button type={type} className={cn(button({ variant, size }), className)} {...props} />;
}
