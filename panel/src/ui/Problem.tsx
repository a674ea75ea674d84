import type { ReactNode } from 'react'
import { explain } from '../api/explain'

interface Props {
  error: unknown
  onRetry?: () => void
  children?: ReactNode
}

/** An error as people understand it, with what to do next. */
export function Problem({ error, onRetry, children }: Props) {
  const { title, next, again, requestId } = explain(error)
  return (
    <div className="notice problem" role="alert">
      <p>
        <strong>{title}</strong>
      </p>
      <p>
        {next} {children}
      </p>
      {requestId && (
        <p className="muted">
          Request id <code>{requestId}</code>
        </p>
      )}
      {again && onRetry && (
        <button type="button" onClick={onRetry}>
          Try again
        </button>
      )}
    </div>
  )
}
