import { useEffect, useState } from 'react'

/** That a report runs, for how long it has, and how to stop it. */
export function Progress({ onCancel }: { onCancel: () => void }) {
  const [seconds, setSeconds] = useState(0)
  useEffect(() => {
    const timer = setInterval(() => setSeconds((before) => before + 1), 1000)
    return () => clearInterval(timer)
  }, [])
  return (
    <div className="progress">
      <progress aria-label="Generating the report" />
      <span aria-hidden="true">Generating… {seconds} s</span>
      <button type="button" onClick={onCancel}>
        Cancel
      </button>
    </div>
  )
}
